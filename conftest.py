"""For `pytest` and `pytest --nbval book/` alike, from any account."""

# Lists the fonts once, in a folder of its own if the user's cannot be written, and leaves that folder's name to the
# kernels: a chapter in which matplotlib does either has a line on stderr that no stored output has.
import matplotlib.font_manager  # noqa: F401
