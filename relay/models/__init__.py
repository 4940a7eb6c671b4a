"""What happened (messages), where it goes (endpoints, channels), and each try to bring it there."""

from .alarm import Alarm, AlarmEvent
from .channel import Channel, ChannelState, Notification
from .dead_letter import DeadLetter
from .delivery import Attempt, Delivery
from .endpoint import Endpoint, PrivateNetwork
from .group import EndpointGroup, GroupMember
from .health import EndpointState, HealthCheck, UptimeHour
from .message import Message

__all__ = [
    "Alarm",
    "AlarmEvent",
    "Attempt",
    "Channel",
    "ChannelState",
    "DeadLetter",
    "Delivery",
    "Endpoint",
    "EndpointGroup",
    "EndpointState",
    "GroupMember",
    "HealthCheck",
    "Message",
    "Notification",
    "PrivateNetwork",
    "UptimeHour",
]
