"""Many signals: learned starts and their adaptation."""

from inr.meta.objectives import Method as Method
from inr.meta.signals import Signals as Signals
from inr.meta.starts import adapt as adapt, learn_init as learn_init
