//! The sound server: the volume and the mute of the default output, through PulseAudio's native protocol, which PipeWire's server
//! speaks too.
//!
//! One connection is kept, and opened anew when the server was restarted. Volumes are what `pactl` and desktops show: 100 % is
//! `PA_VOLUME_NORM`, on a scale that is even for the ear. Nothing here knows requests or sentences for a person.

mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pulseaudio::protocol::{
    ChannelVolume, Command, DEFAULT_SINK, GetSinkInfo, PulseError, SetDeviceMuteParams, SetDeviceVolumeParams, Volume,
};
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::read;
use wire::{ANSWER, COOKIE, Connection, SinkAnswer, WireError};

/// Why the sound could not be asked or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// No server can be reached.
    #[error(
        "no sound server can be reached ({0}); start PipeWire with pipewire-pulse, or PulseAudio, in the session in which this agent runs"
    )]
    NoServer(String),
    /// The server has no output.
    #[error("the sound server has no output; connect one, or load a driver for it")]
    NoOutput,
    /// The server does not let us in.
    #[error("the sound server does not let this user in; the agent has to run as the user whose session it is")]
    NotLetIn,
    /// Nothing was changed, because the server, or the request before this one, did not answer in time.
    #[error("the sound server did not answer within {} seconds; nothing was changed", ANSWER.as_secs())]
    Late,
    /// The change was sent, and it is not known what became of it.
    #[error("the sound server did not say whether it made the change ({0})")]
    Unknown(String),
    /// The server said no, or something that the protocol does not know.
    #[error("the sound server could not do it: {0}")]
    Failed(String),
}

/// How long a server that lets nobody in is asked again: PipeWire's has just started then, and its session manager has not yet
/// looked at who we are.
const LET_IN: Duration = Duration::from_secs(1);
/// How long after a no it is asked again.
const AGAIN: Duration = Duration::from_millis(50);
/// The longest machine id that is read, in bytes (machine-id(5): 32 digits).
const MAX_ID: u64 = 256;

/// The default output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Its name for programs, the same after a restart of the server.
    pub name: String,
    /// Its name for people.
    pub description: String,
    /// Whether it is silent, whatever the volume.
    pub muted: bool,
    index: u32,
    volume: ChannelVolume,
}

impl Sink {
    /// Its volume in percent, rounded as `pactl` does; of several channels that of the loudest. It may be over 100.
    pub fn percent(&self) -> u32 {
        percent(loudest(&self.volume))
    }
}

/// What is to be done with the default output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Set the loudest channel to this many percent, at most 100; the others follow, so that the balance stays.
    Volume(u8),
    /// Make it silent, or not.
    Mute(bool),
}

/// A sound server.
#[derive(Debug)]
pub struct Sound {
    place: Result<PathBuf, String>,
    cookie: Vec<PathBuf>,
    /// Guards the connection; held for one request's question and order, so that two steps are two steps.
    connection: Mutex<Option<Connection>>,
}

impl Sound {
    /// The server of the session in which this process runs, as libpulse finds it: `PULSE_SERVER`, `PULSE_RUNTIME_PATH`, then
    /// `XDG_RUNTIME_DIR`; only Unix sockets. Nothing is opened yet.
    pub fn of_this_session() -> Sound {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let place = match var("PULSE_SERVER") {
            Some(servers) => {
                let machine = read::text(Path::new("/etc/machine-id"), MAX_ID).unwrap_or_default();
                unix_server(&servers.to_string_lossy(), machine.trim())
                    .ok_or_else(|| "`PULSE_SERVER` names no Unix socket".to_owned())
            }
            None => Ok(match (var("PULSE_RUNTIME_PATH"), var("XDG_RUNTIME_DIR")) {
                (Some(folder), _) => Path::new(&folder).join("native"),
                (None, Some(folder)) => Path::new(&folder).join("pulse/native"),
                (None, None) => format!("/run/user/{}/pulse/native", rustix::process::geteuid().as_raw()).into(),
            }),
        };
        let dirs = directories::BaseDirs::new();
        let in_config = dirs.iter().map(|d| d.config_dir().join("pulse/cookie"));
        let cookie = match var("PULSE_COOKIE") {
            Some(path) => vec![PathBuf::from(path)],
            None => in_config.chain(dirs.iter().map(|d| d.home_dir().join(".pulse-cookie"))).collect(),
        };
        Sound { place, cookie, connection: Mutex::default() }
    }

    /// The server that listens at `path`.
    pub fn at(path: PathBuf) -> Sound {
        Sound { place: Ok(path), cookie: Vec::new(), connection: Mutex::default() }
    }

    /// A server at the other end of `stream`; when the stream ends, there is none.
    ///
    /// # Errors
    /// When it does not speak the protocol.
    pub async fn over(stream: UnixStream) -> Result<Sound, SoundError> {
        let connection = Connection::over(stream, &[]).await.map_err(|e| before(e, "its stream"))?;
        let place = Err("its stream has ended".to_owned());
        Ok(Sound { place, cookie: Vec::new(), connection: Mutex::new(Some(connection)) })
    }

    /// The default output as it is.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn sink(&self) -> Result<Sink, SoundError> {
        self.change(|_| None).await
    }

    /// Asks for the default output, has `decide` say what is to be done with it, and does that. Returns the output as it was. Nobody
    /// else of this process comes in between. `decide` may be called again when the server was restarted.
    ///
    /// # Errors
    /// [`SoundError::Unknown`] when the order was sent and may have been carried out; with any other, nothing was changed.
    pub async fn change(&self, mut decide: impl FnMut(&Sink) -> Option<Order>) -> Result<Sink, SoundError> {
        let mut kept = timeout(ANSWER, self.connection.lock()).await.map_err(|_| SoundError::Late)?;
        // Taken out, so that one with an answer still on its way goes with this future when that is dropped.
        let (mut connection, sink) = match kept.take() {
            Some(mut connection) => match ask(&mut connection).await {
                // The server was restarted since.
                Err(WireError::Lost(_)) => self.open_and_ask().await?,
                Err(e) => return Err(before(e, "the connection")),
                Ok(sink) => (connection, sink),
            },
            None => self.open_and_ask().await?,
        };
        let Some(sink) = sink else {
            *kept = Some(connection);
            return Err(SoundError::NoOutput);
        };
        if let Some(order) = decide(&sink) {
            match connection.tell(&command(order, &sink)).await {
                Ok(()) => (),
                Err(WireError::Refused(why)) => {
                    *kept = Some(connection);
                    return Err(refused(why));
                }
                Err(e) => return Err(SoundError::Unknown(e.to_string())),
            }
        }
        *kept = Some(connection);
        Ok(sink)
    }

    async fn open_and_ask(&self) -> Result<(Connection, Option<Sink>), SoundError> {
        let path = self.place.as_ref().map_err(|why| SoundError::NoServer(why.clone()))?;
        let cookie = self.cookie.iter().find_map(|path| cookie(path)).unwrap_or_default();
        let until = Instant::now() + LET_IN;
        loop {
            match opened_and_asked(path, &cookie).await {
                Err(WireError::Refused(PulseError::AccessDenied)) if Instant::now() < until => sleep(AGAIN).await,
                other => return other.map_err(|e| before(e, &path.display().to_string())),
            }
        }
    }
}

async fn opened_and_asked(path: &Path, cookie: &[u8]) -> Result<(Connection, Option<Sink>), WireError> {
    let mut connection = Connection::open(path, cookie).await?;
    let sink = ask(&mut connection).await?;
    Ok((connection, sink))
}

/// The default output; none when there is none.
async fn ask(connection: &mut Connection) -> Result<Option<Sink>, WireError> {
    let question = Command::GetSinkInfo(GetSinkInfo { index: None, name: Some(DEFAULT_SINK.to_owned()) });
    match connection.ask::<SinkAnswer>(&question).await {
        Ok(answer) => Ok(Some(answer.into())),
        Err(WireError::Refused(PulseError::NoEntity)) => Ok(None),
        Err(e) => Err(e),
    }
}

impl From<SinkAnswer> for Sink {
    fn from(answer: SinkAnswer) -> Sink {
        let name = answer.name.to_string_lossy().into_owned();
        let description = answer.description.map(|d| d.to_string_lossy().into_owned()).filter(|d| !d.is_empty());
        Sink {
            description: description.unwrap_or_else(|| name.clone()),
            name,
            muted: answer.muted,
            index: answer.index,
            volume: answer.volume,
        }
    }
}

/// The order for the output that was looked at, by its number: the default may be another one by now.
fn command(order: Order, sink: &Sink) -> Command {
    let (device_index, device_name) = (Some(sink.index), None);
    match order {
        Order::Volume(percent) => Command::SetSinkVolume(SetDeviceVolumeParams {
            device_index,
            device_name,
            volume: scaled(&sink.volume, percent),
        }),
        Order::Mute(mute) => Command::SetSinkMute(SetDeviceMuteParams { device_index, device_name, mute }),
    }
}

/// What an error means that came before anything was changed.
fn before(error: WireError, place: &str) -> SoundError {
    match error {
        WireError::Lost(e) => SoundError::NoServer(format!("`{place}`: {e}")),
        WireError::Late => SoundError::Late,
        WireError::Refused(why) => refused(why),
        WireError::Broken(what) => SoundError::Failed(what),
    }
}

fn refused(why: PulseError) -> SoundError {
    match why {
        PulseError::AccessDenied | PulseError::AuthKey => SoundError::NotLetIn,
        PulseError::NoEntity => SoundError::NoOutput,
        other => SoundError::Failed(other.to_string()),
    }
}

fn loudest(volume: &ChannelVolume) -> u32 {
    volume.channels().iter().map(Volume::as_u32).max().unwrap_or(0)
}

/// A volume in percent, as `pa_volume_snprint` rounds it.
fn percent(volume: u32) -> u32 {
    let norm = u64::from(Volume::NORM.as_u32());
    u32::try_from((u64::from(volume) * 100 + norm / 2) / norm).unwrap_or(u32::MAX)
}

/// The same volume with its loudest channel at `percent`, at most 100 (`pa_cvolume_scale`). Where all channels are at 0 they have no
/// balance to keep, and all are set.
fn scaled(volume: &ChannelVolume, percent: u8) -> ChannelVolume {
    let to = u64::from(Volume::NORM.as_u32()) * u64::from(percent.min(100)) / 100;
    let loudest = u64::from(loudest(volume));
    let mut scaled = ChannelVolume::empty();
    for channel in volume.channels() {
        let channel = (u64::from(channel.as_u32()) * to).checked_div(loudest).unwrap_or(to);
        scaled.push(Volume::from_u32_clamped(u32::try_from(channel).unwrap_or(0)));
    }
    scaled
}

/// The first Unix socket of a list of servers (pulse-client.conf(5), `PULSE_SERVER`): `unix:/path` or `/path`, in braces before it
/// the machine for which it is meant.
fn unix_server(servers: &str, machine: &str) -> Option<PathBuf> {
    servers.split_whitespace().find_map(|server| {
        let server = match server.strip_prefix('{') {
            Some(rest) => rest.split_once('}').filter(|(of, _)| !machine.is_empty() && *of == machine)?.1,
            None => server,
        };
        let path = server.strip_prefix("unix:").unwrap_or(server);
        path.starts_with('/').then(|| path.into())
    })
}

/// The cookie in a file, if it is one.
fn cookie(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut cookie = vec![0; COOKIE];
    std::fs::File::open(path).ok()?.read_exact(&mut cookie).ok()?;
    Some(cookie)
}

/// Reads any bytes as a server's answer about an output, for the fuzz target: the volume in percent and what 40 % would set its
/// channels to, when it is one.
pub fn read_any(message: &[u8]) -> Option<(u32, Vec<u32>)> {
    let sink = Sink::from(wire::read_any(message)?);
    let channels = scaled(&sink.volume, 40).channels().iter().map(Volume::as_u32).collect();
    Some((sink.percent(), channels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn channels(raw: &[u32]) -> ChannelVolume {
        let mut volume = ChannelVolume::empty();
        raw.iter().for_each(|v| volume.push(Volume::from_u32_clamped(*v)));
        volume
    }

    #[test]
    fn percent_is_what_pactl_shows() {
        // As `pactl set-sink-volume N` and `pactl get-sink-volume` showed them.
        for (raw, shown) in [(0, 0), (655, 1), (24_248, 37), (26_214, 40), (65_536, 100), (65_535, 100), (98_304, 150)]
        {
            assert_eq!(percent(raw), shown, "{raw}");
        }
    }

    #[test]
    fn the_balance_stays_and_nothing_is_over_100() {
        for (before, to, after) in [
            (vec![65_536, 32_768], 50, vec![32_768, 16_384]),
            (vec![32_768, 65_536], 100, vec![32_768, 65_536]),
            (vec![98_304, 49_152], 100, vec![65_536, 32_768]),
            (vec![0, 0], 40, vec![26_214, 26_214]),
            (vec![65_536, 0], 10, vec![6_553, 0]),
            (vec![65_536], 0, vec![0]),
        ] {
            assert_eq!(scaled(&channels(&before), to), channels(&after), "{before:?} to {to}");
        }
    }

    proptest! {
        #[test]
        fn what_was_set_is_read_back_and_channels_keep_their_order(
            raw in proptest::collection::vec(0u32..200_000, 1..9), to in 0u8..=255
        ) {
            let (before, after) = (channels(&raw), scaled(&channels(&raw), to));
            prop_assert_eq!(percent(loudest(&after)), u32::from(to.min(100)));
            for (a, b) in before.channels().iter().zip(before.channels().iter().skip(1)) {
                if a.as_u32() <= b.as_u32() {
                    let at = |v: &Volume| before.channels().iter().position(|c| c == v).expect("it is one of them");
                    prop_assert!(after.channels()[at(a)].as_u32() <= after.channels()[at(b)].as_u32());
                }
            }
        }
    }

    #[test]
    fn of_a_list_of_servers_the_first_unix_socket_is_taken() {
        for (servers, path) in [
            ("unix:/run/user/1000/pulse/native", Some("/run/user/1000/pulse/native")),
            ("/tmp/native", Some("/tmp/native")),
            ("tcp:host:4713 {m1}unix:/a", Some("/a")),
            ("{other}unix:/a unix:/b", Some("/b")),
            ("{}unix:/a", None),
            ("localhost", None),
            ("unix:relative", None),
            ("", None),
        ] {
            assert_eq!(unix_server(servers, "m1"), path.map(PathBuf::from), "{servers}");
        }
        assert_eq!(unix_server("{}unix:/a", ""), None);
    }

    /// A server with one output, that answers so many questions and then goes away without a word.
    async fn played(answers: usize) -> Sound {
        use pulseaudio::protocol::{self, AuthReply, Command, SetClientNameReply, SinkInfo};
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        tokio::spawn(async move {
            for _ in 0..answers {
                let mut message = vec![0; protocol::DESCRIPTOR_SIZE];
                theirs.read_exact(&mut message).await.expect("a header");
                let length = u32::from_be_bytes(message[..4].try_into().expect("four bytes"));
                message.resize(message.len() + usize::try_from(length).expect("small"), 0);
                theirs.read_exact(&mut message[protocol::DESCRIPTOR_SIZE..]).await.expect("a command");
                let (of, command) =
                    protocol::read_command_message(&mut message.as_slice(), protocol::MAX_VERSION).expect("a command");
                let (mut out, version) = (Vec::new(), protocol::MAX_VERSION);
                let encoded = match command {
                    Command::Auth(_) => protocol::encode_reply_message(
                        &mut out,
                        of,
                        &AuthReply { version, ..AuthReply::default() },
                        version,
                    ),
                    Command::SetClientName(_) => {
                        protocol::encode_reply_message(&mut out, of, &SetClientNameReply { client_id: 1 }, version)
                    }
                    Command::GetSinkInfo(_) => protocol::encode_reply_message(
                        &mut out,
                        of,
                        &SinkInfo { description: Some(c"Speakers".to_owned()), ..SinkInfo::new_dummy(1) },
                        version,
                    ),
                    _ => protocol::encode_ack_message(of, &mut out),
                };
                encoded.expect("into memory");
                theirs.write_all(&out).await.expect("it is read");
            }
        });
        Sound::over(ours).await.expect("it lets us in")
    }

    #[tokio::test]
    async fn when_the_server_goes_away_it_is_known_whether_anything_was_changed() {
        let quieter = |sink: &Sink| (sink.percent() == 100).then_some(Order::Volume(40));
        // Let in by two answers; then the question, then the order.
        assert_eq!(played(4).await.change(quieter).await.expect("it was done").description, "Speakers");
        assert!(matches!(played(3).await.change(quieter).await, Err(SoundError::Unknown(_))));
        assert!(matches!(played(2).await.change(quieter).await, Err(SoundError::NoServer(_))));
    }

    #[tokio::test]
    async fn without_a_server_it_is_said_what_to_start() {
        let sound = Sound::at("/nonexistent/native".into());
        let error = sound.sink().await.expect_err("there is none");
        assert!(matches!(error, SoundError::NoServer(_)), "{error:?}");
        assert!(error.to_string().contains("pipewire-pulse"), "{error}");
    }
}
