"""One declarative file per vendor, without functions and conditions; `registry` finds them."""
