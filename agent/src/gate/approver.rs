//! Who may answer a held request: chains of processes, and no self-approval.
