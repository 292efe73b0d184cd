//! Who wants to know how a piece of work goes on while it does. The progress bar of [`crate::show`] is one.

/// Is told of every step; must return at once.
pub(crate) trait Watch: Send + Sync {
    /// Something that a person should read, such as why nothing happens for a while.
    fn notice(&self, text: &str);

    /// So many more bytes of samples went to the server.
    fn sent(&self, bytes: u64);

    /// One more file is through, well or badly.
    fn finished(&self, path: &str);
}

/// Nobody watches.
#[cfg(test)]
pub(crate) struct Nobody;

#[cfg(test)]
impl Watch for Nobody {
    fn notice(&self, _: &str) {}
    fn sent(&self, _: u64) {}
    fn finished(&self, _: &str) {}
}
