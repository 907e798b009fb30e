//! What the policies say about one flow.

pub mod reference;
