//! What is done to Ethernet frames on their way between the board's device and the stack, and beside the stack.
