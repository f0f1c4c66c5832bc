"""Images from images: an encoder's map of features, decoded at any point."""

from inr.restoration.encoder import Encoder as Encoder
from inr.restoration.restorer import (
    Decoder as Decoder,
    FeatureMap as FeatureMap,
    Restorer as Restorer,
)
