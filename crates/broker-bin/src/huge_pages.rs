//! Huge pages, which the kernel would put in the place of small ones.

/// Declines them. The allocator asks for them, and where the kernel grants them a page of 2 MiB is resident for a few
/// bytes of it that are used: memory that grows by itself while the load stays the same.
///
/// A kernel that cannot be asked is left alone.
#[cfg(target_os = "linux")]
pub(crate) fn decline() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Other systems have none.
#[cfg(not(target_os = "linux"))]
pub(crate) fn decline() {}
