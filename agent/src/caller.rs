//! Who asks: the caller, from the kernel or the door, never from the bytes.
