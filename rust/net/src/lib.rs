//! Sockets and wire: listeners, HTTP/1, TLS.
