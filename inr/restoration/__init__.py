"""Images from images: an encoder's map of features, decoded at any point."""

from inr.restoration.colorizing import (
    bind_restorer as bind_restorer,
    colorize as colorize,
)
from inr.restoration.encoder import (
    Encoder as Encoder,
    TrunkEncoder as TrunkEncoder,
    gray_trunk as gray_trunk,
)
from inr.restoration.files import (
    RestorerFile as RestorerFile,
    load_restorer as load_restorer,
    save_restorer as save_restorer,
)
from inr.restoration.losses import restorer_loss as restorer_loss
from inr.restoration.restorer import (
    Decoder as Decoder,
    FeatureMap as FeatureMap,
    Restorer as Restorer,
)
