//! However a stream is cut into reads, the same lines come out, and none is longer than the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_ipc::frame::{Frame, Lines};

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (max, cut, bytes) = (usize::from(input.0), usize::from(input.1).max(1), input.2);
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut lines, mut out) = (Lines::new(max), Vec::new());
        let mut take = |frame: Frame<'_>| {
            if let Frame::Line(line) = frame {
                assert!(line.len() <= max && !line.contains(&b'\n'));
                out.push(line.to_vec());
            }
        };
        for piece in pieces {
            lines.push(piece);
            while let Some(frame) = lines.next_frame() {
                take(frame);
            }
        }
        if let Some(frame) = lines.last_frame() {
            take(frame);
        }
        assert!(lines.is_empty());
        out
    };
    assert_eq!(read(&mut std::iter::once(&bytes[..])), read(&mut bytes.chunks(cut)));
});
