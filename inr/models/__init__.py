"""Conditional models: their protocol and registry, files, and shared encoders."""

from inr.fields import register as register
from inr.models.conditional import (
    ConditionalModel as ConditionalModel,
    FeatureMap as FeatureMap,
    as_gray as as_gray,
)
from inr.models.encoders import (
    Block as Block,
    Encoder as Encoder,
    FlatEncoder as FlatEncoder,
    TrunkEncoder as TrunkEncoder,
    gray_trunk as gray_trunk,
)
from inr.models.files import (
    LoadedModel as LoadedModel,
    load_model as load_model,
    pretrained_names as pretrained_names,
    resolve as resolve,
    save_model as save_model,
)
from inr.models.span import SpanEncoder as SpanEncoder, span_params as span_params
