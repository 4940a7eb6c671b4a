"""OKX's codes by what to do next (X6), from the v5 documentation's «Error Code» chapter; the rest is final."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.brokers import unclear
from accounts.brokers.base import BrokerError, BrokerRejected, BrokerTemporary, BrokerUnknown, Rejection

# Nothing was accepted: code -> seconds to wait.
TEMPORARY = {
    "50001": 10.0,  # matching engine upgrading
    "50005": 5.0,  # API offline
    "50011": 1.0,  # rate limit reached
    "50013": 1.0,  # system busy
    "50026": 1.0,  # system error
    "50040": 2.0,  # too frequent operations
    "50061": 2.0,  # the account's maximum order rate
    "51113": 2.0,  # market-price liquidations too frequent
    "51290": 5.0,  # the engine for algo orders is being upgraded
}
LIMITED = frozenset({"50011", "50040", "50061", "51113"})

# «does not indicate success or failure»: time-outs behind the gateway.
UNCLEAR = frozenset({"50004", "51054", "51149"})

EXPIRED = frozenset({"50036", "50037"})  # past its expTime when it arrived
DUPLICATE = frozenset({"51016", "51065", "51068", "50071"})  # this client id rests there already
# No such order, or none that could still be cancelled: it is looked up instead.
NOT_THERE = frozenset({"51603", "51400", "51401", "51402", "51405", "51410", "51412", "51416", "51063", "51291"})
CLOCK = "50102"


@dataclass(frozen=True)
class Final:
    code: Rejection
    advice: str


_KEY = "the key or secret is wrong, was deleted, or is a demo key used on the real venue or the reverse: "
_KEY += "enter key, secret and passphrase again, and check the account's sandbox setting"
_HEADER = "a credential is missing: enter key, secret and passphrase again"
_FUNDS = "there is not enough free balance or margin: add funds, or lower the size or the positions"
_SMALL = "the order is smaller than the venue takes: raise the size"
_LARGE = "the order, or with it the position, is larger than the venue allows: lower the size or the leverage"
_PRICE = "the price is off the venue's tick or outside its band: check the price against the market"
_TRIGGER = "the trigger is on the wrong side of the price: the market has passed it already, or it was mixed up"
_INSTRUMENT = "the venue does not trade this instrument now: check the symbol mapping and the instrument's state"
_NO_POSITION = "there is no position of that direction to reduce; it may be closed already"
_BLOCKED = "the venue has restricted the account: see the messages at OKX or ask its support"
_MODE = (
    "the account's position mode at the venue is not what it was read as: it is read again, so send the signal again"
)
_ACCOUNT_MODE = "the account's mode at OKX does not trade this market: change it at OKX (Settings, Account mode)"
_EXITS = "the venue does not take these attached exits: check their prices, and that their shares add up to 1"
_PASSPHRASE = "the passphrase is not that of the key: enter the one chosen with the key"  # noqa: S105
_CLOCK = "this machine's clock and the venue's differ by more than 30 s: synchronise it (NTP)"
_PERMISSION = "the key may not trade: give it the permission «Trade» at OKX"

FINAL: dict[str, Final] = {
    **dict.fromkeys(("50101", "50111", "50113", "50114", "50119", "50112"), Final(Rejection.BAD_KEY, _KEY)),
    **dict.fromkeys(("50103", "50104", "50106", "50107"), Final(Rejection.BAD_KEY, _HEADER)),
    "50105": Final(Rejection.BAD_PASSPHRASE, _PASSPHRASE),
    CLOCK: Final(Rejection.CLOCK, _CLOCK),
    **dict.fromkeys(
        ("50110", "50121", "50035"),
        Final(Rejection.ADDRESS_REFUSED, "the key is bound to other IP addresses: add this machine's at OKX"),
    ),
    **dict.fromkeys(("50120", "50030"), Final(Rejection.NO_PERMISSION, _PERMISSION)),
    **dict.fromkeys(
        ("50007", "50009", "50012", "50027", "50028", "50029", "50032", "50033", "50051", "50052", "50059", "50060",
         "50100", "51009", "51024", "51155", "59113"),
        Final(Rejection.NO_PERMISSION, _BLOCKED),
    ),
    **dict.fromkeys(
        ("51008", "51119", "51127", "51131", "51017", "59103", "59108", "59200", "51736", "51764"),
        Final(Rejection.INSUFFICIENT_FUNDS, _FUNDS),
    ),
    **dict.fromkeys(
        ("51001", "51002", "51012", "51014", "51015", "51021", "51022", "51027", "51028", "51029", "51030", "51087",
         "54007", "54072"),
        Final(Rejection.UNKNOWN_INSTRUMENT, _INSTRUMENT),
    ),
    **dict.fromkeys(
        ("51007", "51020", "51100", "51118", "51120", "51121", "50122", "51143"), Final(Rejection.BELOW_MINIMUM, _SMALL)
    ),
    **dict.fromkeys(
        ("51004", "51005", "51025", "51033", "51101", "51102", "51103", "51104", "51105", "51106", "51107", "51108",
         "51129", "51174", "51185", "51186", "51187", "51201", "51202", "51203", "51207", "51252", "51260", "51261",
         "51275", "51299", "51312", "59102", "51370", "54006", "54018", "54019", "54030", "54031"),
        Final(Rejection.ABOVE_MAXIMUM, _LARGE),
    ),
    **dict.fromkeys(
        ("51006", "51031", "51116", "51122", "51135", "51136", "51137", "51138", "51150", "51250", "51257", "51311"),
        Final(Rejection.BAD_PRICE, _PRICE),
    ),
    **dict.fromkeys(
        ("51258", "51259", "51277", "51278", "51279", "51280", "51300", "51302", "51303", "51304", "51305", "51306",
         "51307", "51308", "51046", "51047", "51048", "51049", "51050", "51051", "51052", "51053"),
        Final(Rejection.BAD_PRICE, _TRIGGER),
    ),
    **dict.fromkeys(
        ("51023", "51043", "51058", "51112", "51134", "51169", "51170", "51341"),
        Final(Rejection.NOTHING_TO_REDUCE, _NO_POSITION),
    ),
    **dict.fromkeys(("51010", "51057", "51128", "50072"), Final(Rejection.REJECTED, _ACCOUNT_MODE)),
    **dict.fromkeys(
        ("51076", "51077", "51079", "51080", "51081", "51082", "51083", "51084", "51086", "51089", "51333", "51044"),
        Final(Rejection.REJECTED, _EXITS),
    ),
    **dict.fromkeys(tuple(DUPLICATE), Final(Rejection.DUPLICATE_ID, "the venue has an order of this id already")),
}  # fmt: skip


# «Parameter {0} error» names the field; more than one means something else than a mistake of ours.
_PARAMETER = {
    "posside": Final(Rejection.POSITION_MODE, _MODE),
    "sz": Final(Rejection.BELOW_MINIMUM, _SMALL),
    "px": Final(Rejection.BAD_PRICE, _PRICE),
    "tdmode": Final(Rejection.REJECTED, _ACCOUNT_MODE),
    "instid": Final(Rejection.UNKNOWN_INSTRUMENT, _INSTRUMENT),
}


def problem(code: str, message: str, *, raw: str, changes: bool) -> BrokerError:
    """The error for OKX's `code` (top or item); `changes`: the request would have changed something there."""
    said = f"OKX {code}: {message.strip()[:160].rstrip('.')}"
    if code in TEMPORARY:
        ours = "rate_limited" if code in LIMITED else "temporary"
        text = f"{said}; tried again later"
        return BrokerTemporary(text, code=ours, retry_after=TEMPORARY[code], venue_code=code, raw=raw)
    if code in EXPIRED:
        text = f"{said}; it arrived too late and was not accepted"
        return BrokerTemporary(text, code="expired", retry_after=1.0, venue_code=code, raw=raw)
    final = FINAL.get(code) or _parameter(code, message)
    if code in UNCLEAR or (final is None and unclear.is_lost(message)):
        if not changes:
            return BrokerTemporary(f"{said}; asked again later", venue_code=code, raw=raw)
        return BrokerUnknown(f"{said}; whether it was accepted is being asked", venue_code=code, raw=raw)
    if final is None:
        return BrokerRejected(said, venue_code=code, raw=raw)
    return BrokerRejected(f"{said}: {final.advice}", code=final.code, venue_code=code, raw=raw)


def _parameter(code: str, message: str) -> Final | None:
    if code != "51000":
        return None
    words = message.lower().replace(",", " ").split()
    return next((final for name, final in _PARAMETER.items() if name in words), None)
