"""Pictures and curves as figures of matplotlib (`pip install "inr[examples]"`).

A figure belongs to the caller: nothing is drawn on the screen, and `pyplot` and its
settings are not used. A notebook shows a figure that is the last value of a cell;
`figure.savefig("name.png")` writes it.
"""

from inr.plot.curves import history as history, spectrum as spectrum
from inr.plot.pictures import derivatives as derivatives, images as images
