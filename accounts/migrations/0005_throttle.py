from django.db import migrations

# The outbound rate limits on PostgreSQL without Redis (accounts.throttle.database): not a ledger, so the table is
# unlogged and has no model; what a crash loses costs one window. One statement takes `costs` places under all of its
# limits, and one moves a place; accounts/throttle/limit.py says what the numbers mean, store.py what the two do.
TABLE = """
CREATE UNLOGGED TABLE accounts_throttle (
    name text PRIMARY KEY,
    places float8[] NOT NULL DEFAULT '{}',
    full_at float8 NOT NULL DEFAULT 0,
    held float8 NOT NULL DEFAULT 0
)
"""
TAKE = """
CREATE FUNCTION accounts_throttle_take(
    names text[], counts int[], windows float8[], spans float8[], intervals float8[], costs int[], longest float8,
    OUT wait float8, OUT at float8
) LANGUAGE plpgsql AS $$
DECLARE
    moment float8;
    last int;
    state accounts_throttle%ROWTYPE;
BEGIN
    INSERT INTO accounts_throttle (name) SELECT unnest(names) ORDER BY 1 ON CONFLICT DO NOTHING;
    PERFORM 1 FROM accounts_throttle WHERE name = ANY(names) ORDER BY name FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    at := moment;
    FOR i IN 1 .. cardinality(names) LOOP
        SELECT * INTO state FROM accounts_throttle WHERE name = names[i];
        at := greatest(at, state.held);
        last := cardinality(state.places);
        IF intervals[i] > 0 THEN
            at := greatest(at, state.full_at + (costs[i] - 1) * intervals[i] - windows[i]);
        ELSIF counts[i] > 0 AND last > 0 THEN
            at := greatest(at, state.places[last] + spans[i]);
            IF last > counts[i] - costs[i] THEN
                at := greatest(at, state.places[last - counts[i] + costs[i]] + windows[i]);
            END IF;
        END IF;
    END LOOP;
    wait := at - moment;
    IF wait > longest THEN
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        IF intervals[i] > 0 THEN
            UPDATE accounts_throttle
               SET full_at = greatest(full_at, at) + costs[i] * intervals[i]
             WHERE name = names[i];
        ELSIF counts[i] > 0 THEN
            UPDATE accounts_throttle
               SET places = ARRAY(SELECT x FROM unnest(places) x WHERE x >= moment - 2 * windows[i] ORDER BY x)
                            || array_fill(at, ARRAY[costs[i]])
             WHERE name = names[i];
        END IF;
    END LOOP;
END $$
"""
AGAIN = """
CREATE FUNCTION accounts_throttle_again(
    names text[], counts int[], windows float8[], spans float8[], intervals float8[], costs int[], taken float8,
    used boolean, OUT wait float8, OUT at float8
) LANGUAGE plpgsql AS $$
DECLARE
    moment float8;
    others float8[];
    before int;
    found float8;
    span float8;
    moved float8;
    state accounts_throttle%ROWTYPE;
BEGIN
    PERFORM 1 FROM accounts_throttle WHERE name = ANY(names) ORDER BY name FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    at := moment;
    FOR i IN 1 .. cardinality(names) LOOP
        EXIT WHEN used;
        SELECT * INTO state FROM accounts_throttle WHERE name = names[i];
        at := greatest(at, state.held);
        CONTINUE WHEN counts[i] = 0;
        others := ARRAY(SELECT x FROM unnest(state.places) x WHERE x <> taken ORDER BY x);
        span := 0.000002;
        LOOP
            before := (SELECT count(*) FROM unnest(others) x WHERE x <= at);
            found := coalesce(others[before] + span, 0);
            IF before > counts[i] - costs[i] THEN
                found := greatest(found, others[before - counts[i] + costs[i]] + windows[i]);
            END IF;
            EXIT WHEN found <= at;
            at := found;
            IF at > moment + 0.000002 THEN
                span := spans[i];
            END IF;
        END LOOP;
    END LOOP;
    wait := at - moment;
    FOR i IN 1 .. cardinality(names) LOOP
        IF counts[i] > 0 THEN
            moved := CASE WHEN used THEN least(moment, taken + windows[i]) ELSE at END;
            UPDATE accounts_throttle
               SET places = ARRAY(SELECT x FROM unnest(array_replace(places, taken, moved)) x ORDER BY x)
             WHERE name = names[i];
        END IF;
    END LOOP;
END $$
"""


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in (TABLE, TAKE, AGAIN):
            schema_editor.execute(statement, params=None)  # what looks like a placeholder is none


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION accounts_throttle_take, accounts_throttle_again")
        schema_editor.execute("DROP TABLE accounts_throttle")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_venues_and_credentials")]
    operations = [migrations.RunPython(make, drop)]
