//! The codec as dialogues of bytes.

mod request;
