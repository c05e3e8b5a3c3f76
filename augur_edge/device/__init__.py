"""The device at hand: who it is, how it is now, what is known about its kind, what software it has."""

from augur_edge.device.compare import Reason, compare_conditions, other_share
from augur_edge.device.disturbance import Watch, disturbances, lasting, leave_out, too_hot
from augur_edge.device.facts import context
from augur_edge.device.identity import Device, identify
from augur_edge.device.profile import Profile, pick
from augur_edge.device.software import runtimes
from augur_edge.device.state import Conditions, conditions

__all__ = [
    "Conditions", "Device", "Profile", "Reason", "Watch", "compare_conditions", "conditions", "context",
    "disturbances", "identify", "lasting", "leave_out", "other_share", "pick", "runtimes", "too_hot",
]  # fmt: skip
