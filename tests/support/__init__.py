"""What tests lean on: real parts counted, throw-away databases, no network, waiting without guessing."""
