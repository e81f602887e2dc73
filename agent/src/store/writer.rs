//! The one writer thread behind a file of lines: a bounded queue, group commit, and acknowledgements.
//!
//! The thread takes everything that waits, seals it into lines, writes them with one write(2), answers those who asked for
//! [`Durability::Written`], syncs once if anybody asked for more, and answers the others. What a line looks like is the
//! [`Book`]'s business.
//!
//! While the thread sleeps, [`Writer::append_here`] writes a record on the thread that calls it: two threads that wake each other
//! cost as much as the disk. A disk that hangs must not hang the executor, so one thread of the process does it at a time, and only
//! where the executor has more than that one; the rest comes together in the queue.

use super::{LineFile, LogError};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// So many records wait for the writer at most; then [`LogError::Overloaded`].
pub const QUEUE_ITEMS: usize = 4096;
/// So many bytes wait for the writer at most; a record that comes to an empty queue is always taken.
pub const QUEUE_BYTES: usize = 8 << 20;
/// [`Ack::wait`] gives up after this long: a disk that hangs must not hang its callers.
pub const ACK_DEADLINE: Duration = Duration::from_secs(30);
/// One batch holds at most this many bytes, so that a rotation is never far off its mark.
const BATCH_BYTES: usize = 1 << 20;

/// What must have happened to a record before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// write(2) is done: it survives the death of this process, not that of the machine.
    Written,
    /// fdatasync(2) is done: it survives a power cut.
    Synced,
}

/// The answer to an append: a future, or [`Ack::wait`] where there is no executor. Dropping it does not undo the append.
/// The value is the record's sequence number.
#[must_use = "a record is only known to be kept when its acknowledgement has come"]
#[derive(Debug)]
pub struct Ack<E = LogError>(Inner<E>);

#[derive(Debug)]
enum Inner<E> {
    Ready(Option<Result<u64, E>>),
    Waiting(oneshot::Receiver<Result<u64, E>>),
}

impl<E> Ack<E> {
    /// An answer that is known already.
    pub(crate) fn ready(result: Result<u64, E>) -> Ack<E> {
        Ack(Inner::Ready(Some(result)))
    }
}

impl<E: From<LogError> + Unpin> Ack<E> {
    /// Blocks this thread until the answer is there, at most [`ACK_DEADLINE`]. Not for the threads of an executor.
    ///
    /// # Errors
    /// The error of the append, or [`LogError::Stalled`] after the deadline (the record may still be written later).
    pub fn wait(self) -> Result<u64, E> {
        struct Unpark(std::thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let until = Instant::now() + ACK_DEADLINE;
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut ack = pin!(self);
        loop {
            if let Poll::Ready(result) = ack.as_mut().poll(&mut context) {
                return result;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LogError::Stalled.into());
            }
            std::thread::park_timeout(left);
        }
    }
}

impl<E: From<LogError> + Unpin> Future for Ack<E> {
    type Output = Result<u64, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Ready(result) => Poll::Ready(result.take().unwrap_or_else(|| Err(LogError::Stopped.into()))),
            Inner::Waiting(receiver) => {
                Pin::new(receiver).poll(context).map(|r| r.unwrap_or_else(|_| Err(LogError::Stopped.into())))
            }
        }
    }
}

/// What the writer thread writes: the format of a line and what happens around a batch.
pub(crate) trait Book: Send + 'static {
    /// A record on its way.
    type Item: Send + 'static;
    /// What an append can fail with.
    type Error: Clone + Send + From<LogError> + 'static;
    /// Where sealing stands: what a failed batch goes back to.
    type Mark;
    /// The fault point between write and sync.
    const WRITTEN: &'static str;
    /// The fault point between sync and answer.
    const SYNCED: &'static str;
    /// A batch gives the book something to do after this time; `None` when it does not.
    const LAG: Option<Duration>;

    /// Between two batches and when it is time: the book's own affairs. Returns when to be called again at the latest.
    fn prepare(&mut self, now: Instant) -> Option<Duration>;
    /// Whether the book has something to do at once, before the next record: the thread is woken for it.
    fn is_due(&self) -> bool;
    /// Puts the item's line, newline included, at the end of `out` and returns its sequence number.
    fn seal(&mut self, item: &Self::Item, out: &mut Vec<u8>) -> Result<u64, Self::Error>;
    /// Where sealing stands.
    fn mark(&self) -> Self::Mark;
    /// Everything sealed after `mark` did not happen.
    fn back_to(&mut self, mark: Self::Mark);
    /// A write failed: true when it is worth one more try at once (some items may now be refused by `seal`).
    fn make_room(&mut self, error: &std::io::Error) -> bool;
    /// The queue is empty and stays so; after this only the file is synced.
    fn stop(&mut self);
    /// The file to write to.
    fn file(&mut self) -> &mut LineFile;
}

struct Queued<B: Book> {
    item: B::Item,
    durability: Durability,
    seq: u64,
    ack: Option<oneshot::Sender<Result<u64, B::Error>>>,
}

impl<B: Book> Queued<B> {
    fn answer(&mut self, result: Result<u64, B::Error>) {
        if let Some(ack) = self.ack.take() {
            let _ = ack.send(result); // nobody waits any more: fine
        }
    }
}

type Task<B> = Box<dyn FnOnce(&mut B) + Send>;

enum Job<B: Book> {
    Append(Queued<B>, usize),
    Task(Task<B>),
}

struct Queue<B: Book> {
    jobs: VecDeque<Job<B>>,
    bytes: usize,
    stopped: bool,
    /// The thread sleeps: waking it costs a system call, so only then.
    asleep: bool,
    /// When it wakes by itself.
    until: Option<Instant>,
}

/// The book, and what a batch needs that is kept from one to the next.
struct Desk<B: Book> {
    book: B,
    batch: Vec<Queued<B>>,
    lines: Vec<u8>,
}

struct Shared<B: Book> {
    /// Guards the order of appends; held for a push or a drain only.
    queue: Mutex<Queue<B>>,
    wake: Condvar,
    /// Held by whoever writes: the thread, or while that sleeps one who appends. Poisoned by a panic in the middle of a batch,
    /// and then nothing is written any more.
    desk: Mutex<Desk<B>>,
}

impl<B: Book> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The desk, when a batch can be written by the caller: the thread sleeps, nothing waits before it, and the thread will look
    /// after the book in time.
    fn free_desk(&self, queue: &Queue<B>) -> Option<MutexGuard<'_, Desk<B>>> {
        let in_time = B::LAG.is_none_or(|lag| queue.until.is_some_and(|until| until <= Instant::now() + lag));
        if !queue.asleep || !in_time {
            return None;
        }
        self.desk.try_lock().ok()
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue<B>>) {
        let asleep = std::mem::take(&mut queue.asleep);
        drop(queue);
        if asleep {
            self.wake.notify_one();
        }
    }
}

/// A handle on the thread; when it is dropped the queue is written out and the thread ends.
pub(crate) struct Writer<B: Book> {
    shared: Arc<Shared<B>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// Whether a record may be written by whoever appends it.
    here: bool,
}

/// The turn of the one thread of the process that writes what it appends.
struct Turn;

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Turn {
    fn take() -> Option<Turn> {
        TAKEN.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

impl<B: Book> Writer<B> {
    /// Starts the thread.
    pub(crate) fn start(name: &str, book: B) -> Result<Writer<B>, LogError> {
        let queue = Queue { jobs: VecDeque::new(), bytes: 0, stopped: false, asleep: false, until: None };
        let here = tokio::runtime::Handle::try_current().is_ok_and(|r| r.metrics().num_workers() > 1);
        let desk = Desk { book, batch: Vec::new(), lines: Vec::new() };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), wake: Condvar::new(), desk: Mutex::new(desk) });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // However the thread ends, nobody may wait for it.
                let _closed = CloseOnDrop(&theirs);
                run(&theirs);
            })
            .map_err(|e| LogError::io("cannot start the writer of", name.as_ref(), e))?;
        Ok(Writer { shared, thread: Mutex::new(Some(thread)), here })
    }

    /// Writes a record of about `bytes` bytes on this thread where that can be, else queues it. Not under a lock that others wait
    /// for: the disk may take its time.
    pub(crate) fn append_here(&self, item: B::Item, bytes: usize, durability: Durability) -> Ack<B::Error> {
        let queue = self.shared.lock();
        if self.here
            && !queue.stopped
            && let Some(mut desk) = self.shared.free_desk(&queue)
            && let Some(_turn) = Turn::take()
        {
            drop(queue);
            let (ack, mut receiver) = oneshot::channel();
            desk.batch.push(Queued { item, durability, seq: 0, ack: Some(ack) });
            desk.commit();
            if desk.book.is_due() {
                drop(desk);
                drop(self.task(|_| Ok(0))); // it looks after its book before and after each task
            }
            return Ack::ready(receiver.try_recv().unwrap_or_else(|_| Err(LogError::Stopped.into())));
        }
        drop(queue);
        self.append(item, bytes, durability)
    }

    /// Queues a record of about `bytes` bytes.
    pub(crate) fn append(&self, item: B::Item, bytes: usize, durability: Durability) -> Ack<B::Error> {
        let mut queue = self.shared.lock();
        if queue.stopped {
            return Ack::ready(Err(LogError::Stopped.into()));
        }
        let full = queue.jobs.len() >= QUEUE_ITEMS || queue.bytes.saturating_add(bytes) > QUEUE_BYTES;
        if full && !queue.jobs.is_empty() {
            return Ack::ready(Err(LogError::Overloaded.into()));
        }
        let (ack, receiver) = oneshot::channel();
        queue.bytes = queue.bytes.saturating_add(bytes);
        queue.jobs.push_back(Job::Append(Queued { item, durability, seq: 0, ack: Some(ack) }, bytes));
        self.shared.wake(queue);
        Ack(Inner::Waiting(receiver))
    }

    /// Queues something to be done between two batches, after everything that was appended before this call.
    pub(crate) fn task(&self, work: impl FnOnce(&mut B) -> Result<u64, B::Error> + Send + 'static) -> Ack<B::Error> {
        let (ack, receiver) = oneshot::channel();
        let task: Task<B> = Box::new(move |book| {
            let _ = ack.send(work(book)); // nobody waits any more: fine
        });
        let mut queue = self.shared.lock();
        if queue.stopped {
            return Ack::ready(Err(LogError::Stopped.into()));
        }
        if queue.jobs.len() >= QUEUE_ITEMS {
            return Ack::ready(Err(LogError::Overloaded.into()));
        }
        queue.jobs.push_back(Job::Task(task));
        self.shared.wake(queue);
        Ack(Inner::Waiting(receiver))
    }

    /// Writes out what waits, syncs, and ends the thread. Later appends hear [`LogError::Stopped`].
    pub(crate) fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join(); // a panic in it was reported by the panic hook
        }
    }
}

impl<B: Book> Drop for Writer<B> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<B: Book> std::fmt::Debug for Writer<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

struct CloseOnDrop<'a, B: Book>(&'a Shared<B>);

impl<B: Book> Drop for CloseOnDrop<'_, B> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.stopped = true;
        queue.jobs.clear(); // dropped senders answer `Stopped`
    }
}

enum Next<B: Book> {
    Batch,
    Task(Task<B>),
    Time,
    Stop,
}

fn run<B: Book>(shared: &Shared<B>) {
    let mut batch: Vec<Queued<B>> = Vec::new();
    while let Ok(mut desk) = shared.desk.lock() {
        let due = desk.book.prepare(Instant::now());
        drop(desk);
        let next = take(shared, due, &mut batch);
        let Ok(mut desk) = shared.desk.lock() else { break };
        match next {
            Next::Batch => {
                std::mem::swap(&mut desk.batch, &mut batch);
                desk.commit();
            }
            Next::Task(task) => task(&mut desk.book),
            Next::Time => {}
            Next::Stop => {
                desk.book.stop();
                if let Err(error) = desk.book.file().sync() {
                    tracing::error!("cannot sync {}: {error}", desk.book.file().path().display());
                }
                break;
            }
        }
    }
}

fn take<B: Book>(shared: &Shared<B>, due: Option<Duration>, batch: &mut Vec<Queued<B>>) -> Next<B> {
    let until = due.map(|d| Instant::now() + d);
    let mut queue = shared.lock();
    loop {
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            match queue.jobs.pop_front() {
                Some(Job::Append(queued, size)) => {
                    queue.bytes = queue.bytes.saturating_sub(size);
                    bytes += size;
                    batch.push(queued);
                }
                Some(task @ Job::Task(_)) if !batch.is_empty() => {
                    queue.jobs.push_front(task);
                    break;
                }
                Some(Job::Task(task)) => return Next::Task(task),
                None => break,
            }
        }
        if !batch.is_empty() {
            return Next::Batch;
        }
        if queue.stopped {
            return Next::Stop;
        }
        (queue.asleep, queue.until) = (true, until);
        queue = match until {
            None => shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Next::Time;
                }
                shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        queue.asleep = false;
    }
}

impl<B: Book> Desk<B> {
    /// Writes the batch, syncs it if anybody asked for that, and answers everybody. Leaves it empty.
    fn commit(&mut self) {
        let Desk { book, batch, lines } = self;
        let mark = match write(book, batch, lines, true) {
            Some(mark) => mark,
            None => return,
        };
        crate::fault::point(B::WRITTEN);
        for queued in batch.iter_mut().filter(|q| q.durability == Durability::Written) {
            let seq = queued.seq;
            queued.answer(Ok(seq));
        }
        if batch.iter().any(|q| q.durability == Durability::Synced)
            && let Err(error) = book.file().sync()
        {
            // Those who asked for the disk hear no, and their lines are taken back; the others were promised theirs.
            book.make_room(&error);
            let error = LogError::io("cannot sync", book.file().path(), error);
            tracing::error!("{error}");
            let (len, mark) = mark;
            book.file().take_back(len);
            book.back_to(mark);
            fail(batch, |q| q.durability == Durability::Synced, &error.into());
            write(book, batch, lines, false);
        }
        crate::fault::point(B::SYNCED);
        for queued in batch.iter_mut() {
            let seq = queued.seq;
            queued.answer(Ok(seq));
        }
        batch.clear();
    }
}

/// Seals and writes; what cannot be kept is answered and leaves the batch. `None` when nothing is left.
fn write<B: Book>(
    book: &mut B,
    batch: &mut Vec<Queued<B>>,
    lines: &mut Vec<u8>,
    mut again: bool,
) -> Option<(u64, B::Mark)> {
    loop {
        let (len, mark) = (book.file().len(), book.mark());
        lines.clear();
        batch.retain_mut(|queued| match book.seal(&queued.item, lines) {
            Ok(seq) => {
                queued.seq = seq;
                true
            }
            Err(error) => {
                queued.answer(Err(error));
                false
            }
        });
        if batch.is_empty() {
            return None;
        }
        let Err(error) = book.file().append(lines) else {
            return Some((len, mark));
        };
        book.back_to(mark);
        if again && book.make_room(&error) {
            again = false;
            continue;
        }
        let error = LogError::io("cannot write", book.file().path(), error);
        tracing::error!("{error}");
        fail(batch, |_| true, &error.into());
        return None;
    }
}

fn fail<B: Book>(batch: &mut Vec<Queued<B>>, which: impl Fn(&Queued<B>) -> bool, error: &B::Error) {
    batch.retain_mut(|queued| {
        let failed = which(queued);
        if failed {
            queued.answer(Err(error.clone()));
        }
        !failed
    });
}
