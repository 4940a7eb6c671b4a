"""What happened (messages), where it goes (endpoints, channels), and each try to bring it there."""

from .channel import Channel, Notification
from .delivery import Attempt, Delivery
from .endpoint import Endpoint, PrivateNetwork
from .group import EndpointGroup, GroupMember
from .health import EndpointState, HealthCheck, UptimeHour
from .message import Message

__all__ = [
    "Attempt",
    "Channel",
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
