//! The audit log: what was asked, judged and done, in a hash chain that can be checked.
