//! AI dialects and providers: bytes and events in, bytes and events out.
