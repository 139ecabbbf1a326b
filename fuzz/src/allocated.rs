//! How much memory reading an input takes, and the most that it may take.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The most bytes that may be allocated at one time while an input is read.
///
/// What is read becomes larger in memory (a JSON object of seven bytes is a tree with a node), so the limit grows with
/// the input; but only up to the size beyond which the reader promises not to look.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Whatever the input is.
    pub fixed: usize,
    /// For each byte of it.
    pub per_byte: usize,
    /// The size of the largest input that is read at all.
    pub largest: usize,
}

impl Limit {
    fn of(self, length: usize) -> usize {
        self.fixed + self.per_byte * length.min(self.largest)
    }

    /// Reads an input of `length` bytes by `read`.
    ///
    /// # Panics
    /// When more was allocated at one time than the limit. What other threads allocate meanwhile counts too.
    pub fn holds<T>(self, length: usize, read: impl FnOnce() -> T) -> T {
        ALLOCATED.reset_peak_usage();
        let before = ALLOCATED.current_usage();
        let done = read();
        let most = ALLOCATED.peak_usage().saturating_sub(before);
        let limit = self.of(length);
        assert!(
            most <= limit,
            "reading {length} bytes allocated {most} bytes at one time, and the limit is {limit}"
        );
        done
    }
}
