//! The sound server of a laptop: PulseAudio's native protocol, with one output.

use std::ffi::CString;
use std::io;
use std::sync::Arc;

use pulseaudio::protocol::{
    self, AuthReply, ChannelVolume, Command, DESCRIPTOR_SIZE, PulseError, SetClientNameReply, SinkInfo, Volume,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::{Inside, Part, Trouble, files};

/// The longest message that is read, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// Listens in the laptop's folder, for as long as the runtime runs.
pub(super) fn listen(inside: Arc<Inside>) -> io::Result<()> {
    let listener = UnixListener::bind(files::sound(&inside.folder))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let inside = inside.clone();
            // A connection that breaks is the client's business.
            tokio::spawn(async move { drop(serve(&inside, stream).await) });
        }
    });
    Ok(())
}

/// Answers until the connection ends.
async fn serve(inside: &Inside, mut stream: UnixStream) -> io::Result<()> {
    loop {
        let mut message = vec![0; DESCRIPTOR_SIZE];
        stream.read_exact(&mut message).await?;
        let broken = |e: protocol::ProtocolError| io::Error::other(e.to_string());
        let length = protocol::read_descriptor(&mut message.as_slice()).map_err(broken)?.length as usize;
        if length > MAX_MESSAGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        message.resize(DESCRIPTOR_SIZE + length, 0);
        stream.read_exact(&mut message[DESCRIPTOR_SIZE..]).await?;
        let (number, command) =
            protocol::read_command_message(&mut message.as_slice(), protocol::MAX_VERSION).map_err(broken)?;
        let changes = matches!(command, Command::SetSinkVolume(_) | Command::SetSinkMute(_));
        let mut out = Vec::new();
        match inside.trouble(Part::Sound, changes) {
            Trouble::None => answer(inside, number, &command, &mut out).map_err(broken)?,
            Trouble::Missing => return Ok(()),
            Trouble::Says(error, _) => {
                let error = if error == "AccessDenied" { PulseError::AccessDenied } else { PulseError::Internal };
                protocol::write_error(&mut out, number, &error).map_err(broken)?;
            }
            trouble => {
                answer(inside, number, &command, &mut Vec::new()).map_err(broken)?;
                match trouble {
                    Trouble::Silent => continue,
                    Trouble::Closes => drop(inside.state().trouble.remove(&Part::Sound)),
                    _ => {}
                }
                return Ok(());
            }
        }
        stream.write_all(&out).await?;
    }
}

/// Does what a command says, and writes the answer to it.
fn answer(inside: &Inside, number: u32, command: &Command, out: &mut Vec<u8>) -> Result<(), protocol::ProtocolError> {
    const VERSION: u16 = protocol::MAX_VERSION;
    let mut state = inside.state();
    match command {
        Command::Auth(_) => {
            let reply = AuthReply { version: VERSION, use_memfd: false, use_shm: false };
            protocol::write_reply_message(out, number, &reply, VERSION)
        }
        Command::SetClientName(_) => {
            protocol::write_reply_message(out, number, &SetClientNameReply { client_id: 1 }, VERSION)
        }
        Command::GetSinkInfo(_) => {
            let Some(output) = state.output else { return protocol::write_error(out, number, &PulseError::NoEntity) };
            let mut sink = SinkInfo::new_dummy(1);
            sink.name = c"simulated_output".to_owned();
            sink.description = CString::new(output).ok();
            sink.cvolume = ChannelVolume::empty();
            for volume in &state.volume {
                sink.cvolume.push(Volume::from_u32_clamped(*volume));
            }
            sink.muted = state.muted;
            protocol::write_reply_message(out, number, &sink, VERSION)
        }
        Command::SetSinkVolume(set) => {
            state.volume = set.volume.channels().iter().map(Volume::as_u32).collect();
            protocol::write_ack_message(out, number)
        }
        Command::SetSinkMute(set) => {
            state.muted = set.mute;
            protocol::write_ack_message(out, number)
        }
        _ => protocol::write_error(out, number, &PulseError::NotSupported),
    }
}
