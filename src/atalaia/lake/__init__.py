"""RAW's and GOLD's formats, the same in every home, and what asks them."""
