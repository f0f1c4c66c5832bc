"""Many signals: learned starts and their adaptation."""

from inr.meta.adaptation import (
    adapt as adapt,
    decode as decode,
    encode as encode,
)
from inr.meta.encoders import ConvEncoder as ConvEncoder, SetEncoder as SetEncoder
from inr.meta.hypernetwork import Hypernetwork as Hypernetwork
from inr.meta.objectives import Method as Method
from inr.meta.signals import Signals as Signals
from inr.meta.starts import learn_init as learn_init
