//! One connection to a sound server: the handshake, and one question at a time.
//!
//! The PulseAudio native protocol as the crate `pulseaudio` encodes it. Every wait has a deadline and every message a limit. Nothing here
//! knows what the questions are for.

use std::ffi::CString;
use std::path::Path;
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, ChannelMap, ChannelVolume, Command, CommandTag, DESCRIPTOR_SIZE, Prop, Props,
    ProtocolError, PulseError, SampleSpec, TagStructRead, TagStructReader,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the server may take to let us in, or to answer one question.
pub(super) const ANSWER: Duration = Duration::from_secs(2);
/// The longest message that is read, in bytes. What is known of one output is a few thousand.
const MAX_MESSAGE: usize = 64 * 1024;
/// How many messages that are no answer to us are skipped before one that is.
const MAX_SKIPPED: usize = 16;
/// The length of a cookie (`PA_NATIVE_COOKIE_LENGTH` in PulseAudio's `native-common.h`); the server takes no other.
pub(super) const COOKIE: usize = 256;
/// The size of the buffer for reading; an answer about an output fits into it.
const BUFFER: usize = 8 * 1024;
/// The channel number of messages that are not sound.
const CONTROL: u32 = u32::MAX;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The connection could not be made, or ended.
    #[error("{0}")]
    Lost(#[from] std::io::Error),
    /// It did not come in time.
    #[error("no answer within {} seconds", ANSWER.as_secs())]
    Late,
    /// The server answered with an error.
    #[error("{0}")]
    Refused(PulseError),
    /// It was no answer that the protocol knows.
    #[error("{0}")]
    Broken(String),
}

impl From<ProtocolError> for WireError {
    fn from(error: ProtocolError) -> WireError {
        match error {
            ProtocolError::ServerError(refused) => WireError::Refused(refused),
            // What is read lies in memory already: an end of it is a message that was too short.
            other => WireError::Broken(other.to_string()),
        }
    }
}

/// A connection that the server let in.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
    version: u16,
    last: u32,
    /// What was sent and read last; kept for its memory.
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to the socket at `path`.
    pub(super) async fn open(path: &Path, cookie: &[u8]) -> Result<Connection, WireError> {
        let stream = timeout(ANSWER, UnixStream::connect(path)).await.map_err(|_| WireError::Late)??;
        Connection::over(stream, cookie).await
    }

    /// Introduces us over a stream that is connected.
    pub(super) async fn over(stream: UnixStream, cookie: &[u8]) -> Result<Connection, WireError> {
        let stream = BufReader::with_capacity(BUFFER, stream);
        let mut connection = Connection { stream, version: protocol::MAX_VERSION, last: 0, buffer: Vec::new() };
        let mut cookie = cookie.to_vec();
        // Without a cookie the server goes by our uid.
        cookie.resize(COOKIE, 0);
        let hello = AuthParams { version: protocol::MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        let welcome: AuthReply = connection.ask(&Command::Auth(hello)).await?;
        if welcome.version < protocol::MIN_VERSION {
            return Err(WireError::Broken(format!("it speaks version {} of its protocol", welcome.version)));
        }
        connection.version = welcome.version.min(protocol::MAX_VERSION);
        let mut us = Props::new();
        us.set(Prop::ApplicationName, c"Steward");
        us.set(Prop::ApplicationProcessBinary, c"stewardd");
        connection.tell(&Command::SetClientName(us)).await?;
        Ok(connection)
    }

    /// Asks, and reads what was asked for.
    pub(super) async fn ask<T: TagStructRead>(&mut self, command: &Command) -> Result<T, WireError> {
        let version = self.version;
        let message = self.exchange(command).await?;
        read_answer(message, version)
    }

    /// Sends an order, and waits until it was taken.
    pub(super) async fn tell(&mut self, command: &Command) -> Result<(), WireError> {
        self.ask::<Taken>(command).await.map(drop)
    }

    /// Sends a command and returns the message that answers it.
    async fn exchange(&mut self, command: &Command) -> Result<&[u8], WireError> {
        self.last = self.last.wrapping_add(1);
        self.buffer.clear();
        protocol::encode_command_message(&mut self.buffer, self.last, command, self.version)?;
        timeout(ANSWER, self.send_and_read()).await.map_err(|_| WireError::Late)??;
        Ok(&self.buffer)
    }

    async fn send_and_read(&mut self) -> Result<(), WireError> {
        self.stream.write_all(&self.buffer).await?;
        for _ in 0..=MAX_SKIPPED {
            let mut header = [0; DESCRIPTOR_SIZE];
            self.stream.read_exact(&mut header).await?;
            let header = protocol::read_descriptor(&mut header.as_slice())?;
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            if length > MAX_MESSAGE {
                return Err(WireError::Broken(format!("a message of {length} bytes")));
            }
            self.buffer.resize(length, 0);
            self.stream.read_exact(&mut self.buffer).await?;
            if header.channel == CONTROL && answers(&self.buffer) == Some(self.last) {
                return Ok(());
            }
        }
        Err(WireError::Broken("messages that were not asked for".to_owned()))
    }
}

/// Which question a message answers, if it is an answer.
fn answers(message: &[u8]) -> Option<u32> {
    let mut reader = message;
    let mut reader = TagStructReader::new(&mut reader, protocol::MAX_VERSION);
    let tag: CommandTag = reader.read_enum().ok()?;
    matches!(tag, CommandTag::Reply | CommandTag::Error).then_some(())?;
    reader.read_u32().ok()
}

/// Reads the answer in a message: its tag, the number of the question, then what was asked for.
fn read_answer<T: TagStructRead>(mut message: &[u8], version: u16) -> Result<T, WireError> {
    let mut reader = TagStructReader::new(&mut message, version);
    let (tag, _question): (CommandTag, u32) = (reader.read_enum()?, reader.read_u32()?);
    match tag {
        CommandTag::Error => {
            // A newer server may have more errors than the crate knows.
            Err(WireError::Refused(reader.read_enum().unwrap_or(PulseError::Unknown)))
        }
        CommandTag::Reply => Ok(reader.read()?),
        other => Err(WireError::Broken(format!("{other:?} instead of an answer"))),
    }
}

/// An answer with nothing in it.
struct Taken;

impl TagStructRead for Taken {
    fn read(_: &mut TagStructReader<'_>, _version: u16) -> Result<Taken, ProtocolError> {
        Ok(Taken)
    }
}

/// The beginning of what a server tells of an output; the rest (ports, formats, properties) is of no use here and is not read.
#[derive(Clone, Debug)]
pub(super) struct SinkAnswer {
    pub(super) index: u32,
    pub(super) name: CString,
    pub(super) description: Option<CString>,
    pub(super) volume: ChannelVolume,
    pub(super) muted: bool,
}

impl TagStructRead for SinkAnswer {
    fn read(reader: &mut TagStructReader<'_>, _version: u16) -> Result<SinkAnswer, ProtocolError> {
        let index = reader.read_index()?.ok_or_else(|| ProtocolError::Invalid("an output without a number".into()))?;
        let name = reader.read_string_non_null()?;
        let description = reader.read_string()?;
        let _: (SampleSpec, ChannelMap, Option<u32>) = (reader.read()?, reader.read()?, reader.read_index()?);
        Ok(SinkAnswer { index, name, description, volume: reader.read()?, muted: reader.read_bool()? })
    }
}

/// Reads any bytes as a server's answer about an output, for the fuzz target: an error or not, never a panic.
pub(super) fn read_any(message: &[u8]) -> Option<SinkAnswer> {
    answers(message)?;
    read_answer(message, protocol::MAX_VERSION).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A whole message, as the server would send it.
    fn answer(reply: &impl protocol::TagStructWrite) -> Vec<u8> {
        let mut message = Vec::new();
        let mut writer = protocol::TagStructWriter::new(&mut message, protocol::MAX_VERSION);
        writer.write_u32(CommandTag::Reply as u32).expect("into memory");
        writer.write_u32(7).expect("into memory");
        writer.write(reply).expect("into memory");
        message
    }

    #[test]
    fn of_an_output_its_number_name_volume_and_mute_are_read() {
        let mut sink = protocol::SinkInfo::new_dummy(3);
        sink.description = Some(c"Built-in Audio".to_owned());
        sink.muted = true;
        let message = answer(&sink);
        assert_eq!(answers(&message), Some(7));
        let read = read_any(&message).expect("a whole answer");
        assert_eq!((read.index, read.name.as_c_str(), read.muted), (3, c"Dummy Sink", true));
        assert_eq!(read.description.as_deref(), Some(c"Built-in Audio"));
        assert_eq!(read.volume.channels(), ChannelVolume::norm(2).channels());
        for cut in 0..message.len().min(60) {
            assert!(read_any(&message[..cut]).is_none(), "{cut}");
        }
    }

    #[tokio::test]
    async fn what_is_too_long_or_never_an_answer_ends_the_exchange() {
        let endless = |length: u32, channel: u32| {
            let mut header = [0; DESCRIPTOR_SIZE];
            let flags = protocol::DescriptorFlags::empty();
            protocol::encode_descriptor(&mut header, &protocol::Descriptor { length, channel, offset: 0, flags });
            header.repeat(MAX_SKIPPED + 1)
        };
        for bytes in [endless(u32::MAX, CONTROL), endless(0, CONTROL), endless(0, 3)] {
            let (ours, mut theirs) = UnixStream::pair().expect("a pair");
            theirs.write_all(&bytes).await.expect("room in the socket");
            let refused = Connection::over(ours, &[]).await;
            assert!(matches!(refused, Err(WireError::Broken(_))), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_late() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        assert!(matches!(Connection::over(ours, &[]).await, Err(WireError::Late)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_any(&bytes);
        }
    }
}
