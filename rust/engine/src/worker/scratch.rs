//! Memory that all exchanges of a worker share between two waits.
//!
//! A read goes into the worker's one [`Scratch`]; what it brought is acted on in place and sent
//! on from there, and only what the other socket did not take is copied to memory that an
//! exchange owns. So an idle connection owns no buffer, and a relayed body is touched once.

/// Room in front of what is read, for a head and a chunk line to be written before the body.
pub(crate) const ROOM: usize = 16 << 10;
/// Bytes read at most at once: an answer of 64 KiB with its head in one read, which saves two system
/// calls of six for it.
pub(crate) const READ: usize = 80 << 10;
/// Room behind what was read, for the end of a chunk and of a chunked body with its trailers.
pub(crate) const TAIL: usize = 16 << 10;

/// Buffers kept for reuse; more are given back to the allocator.
const KEPT: usize = 64;
/// A buffer that grew beyond this is not kept.
const KEPT_CAPACITY: usize = 128 << 10;

/// The shared read buffer, with room in front and behind.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// `ROOM`, then `READ`, then `TAIL` bytes.
    pub(crate) bytes: Box<[u8]>,
    /// Counts reads: whoever lets bytes lie here for the rest of a turn sees by it whether they
    /// are still what they were.
    pub(crate) generation: u64,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: vec![0; ROOM + READ + TAIL].into_boxed_slice(), generation: 0 }
    }
}

impl Scratch {
    /// The part to read into.
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.generation += 1;
        &mut self.bytes[ROOM..ROOM + READ]
    }

    /// The first `n` bytes of what was read last.
    #[inline]
    pub(crate) fn read(&self, n: usize) -> &[u8] {
        &self.bytes[ROOM..ROOM + n]
    }
}

/// Owned buffers, taken for an exchange and given back after it.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// A buffer; its contents and length are what the last user left.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    #[inline]
    pub(crate) fn put(&mut self, buffer: Vec<u8>) {
        if self.0.len() < KEPT && (1..=KEPT_CAPACITY).contains(&buffer.capacity()) {
            self.0.push(buffer);
        }
    }
}
