// SPDX-License-Identifier: MIT
//! Each object as C sees it: made on the heap, used by pointer. A call from C++ is not inlined, which costs a
//! nanosecond or two that Rust's own users do not pay.

use crossbeam_channel::{bounded, Receiver, Sender};
use crossbeam_queue::ArrayQueue;
use dashmap::DashMap;
use parking_lot::lock_api::{RawMutex as _, RawReentrantMutex, RawRwLock as _};
use parking_lot::{Condvar, Mutex, MutexGuard, RawMutex, RawRwLock, RawThreadId};
use std::ffi::c_void;
use std::mem::{forget, transmute, MaybeUninit};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

// ---- parking_lot

#[no_mangle]
pub extern "C" fn rust_mutex_lock(mutex: &RawMutex) {
    mutex.lock()
}
#[no_mangle]
pub extern "C" fn rust_mutex_try_lock(mutex: &RawMutex) -> bool {
    mutex.try_lock()
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_mutex_unlock(mutex: &RawMutex) {
    mutex.unlock()
}

/// As parking_lot's ReentrantMutex has it, without data.
type Reentrant = RawReentrantMutex<RawMutex, RawThreadId>;
#[no_mangle]
pub extern "C" fn rust_reentrant_lock(mutex: &Reentrant) {
    mutex.lock()
}
#[no_mangle]
pub extern "C" fn rust_reentrant_try_lock(mutex: &Reentrant) -> bool {
    mutex.try_lock()
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_reentrant_unlock(mutex: &Reentrant) {
    mutex.unlock()
}

#[no_mangle]
pub extern "C" fn rust_rwlock_try_read(rwlock: &RawRwLock) -> bool {
    rwlock.try_lock_shared()
}
#[no_mangle]
pub extern "C" fn rust_rwlock_try_write(rwlock: &RawRwLock) -> bool {
    rwlock.try_lock_exclusive()
}
#[no_mangle]
pub extern "C" fn rust_rwlock_read(rwlock: &RawRwLock) {
    rwlock.lock_shared()
}
/// # Safety
/// The caller reads.
#[no_mangle]
pub unsafe extern "C" fn rust_rwlock_read_end(rwlock: &RawRwLock) {
    rwlock.unlock_shared()
}
#[no_mangle]
pub extern "C" fn rust_rwlock_write(rwlock: &RawRwLock) {
    rwlock.lock_exclusive()
}
/// # Safety
/// The caller writes.
#[no_mangle]
pub unsafe extern "C" fn rust_rwlock_write_end(rwlock: &RawRwLock) {
    rwlock.unlock_exclusive()
}

#[derive(Default)]
pub struct Monitor {
    mutex: Mutex<()>,
    changed: [Condvar; 2],
}
#[no_mangle]
pub extern "C" fn rust_monitor_new() -> Box<Monitor> {
    Box::default()
}
#[no_mangle]
pub extern "C" fn rust_monitor_free(_monitor: Box<Monitor>) {}
#[no_mangle]
pub extern "C" fn rust_monitor_lock(monitor: &Monitor) {
    forget(monitor.mutex.lock())
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_monitor_unlock(monitor: &Monitor) {
    monitor.mutex.force_unlock()
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_monitor_wait(monitor: &Monitor, which: usize) {
    // A guard is a reference to its mutex, and lock_api 0.4.9 has no other way to make one.
    let mut guard: MutexGuard<()> = transmute(&monitor.mutex);
    monitor.changed[which].wait(&mut guard);
    forget(guard)
}
#[no_mangle]
pub extern "C" fn rust_monitor_notify_one(monitor: &Monitor, which: usize) {
    monitor.changed[which].notify_one();
}
#[no_mangle]
pub extern "C" fn rust_monitor_notify_all(monitor: &Monitor, which: usize) {
    monitor.changed[which].notify_all();
}

// ---- the standard library
//
// It unlocks by a guard, and C keeps none: a lock forgets its guard, and the unlock uses `guard`, a bitwise copy of the first
// one. All guards of one object are equal: its address, and that the thread was not panicking.

pub struct StdMonitor {
    mutex: std::sync::Mutex<()>,
    guard: MaybeUninit<std::sync::MutexGuard<'static, ()>>,
    changed: [std::sync::Condvar; 2],
}
#[no_mangle]
pub extern "C" fn rust_std_monitor_new() -> Box<StdMonitor> {
    let mut monitor = Box::new(StdMonitor {
        mutex: Default::default(),
        guard: MaybeUninit::uninit(),
        changed: Default::default(),
    });
    // The guard refers to the heap, which does not move with the box.
    let first = monitor.mutex.lock().unwrap();
    let copy = unsafe { transmute::<_, std::sync::MutexGuard<'static, ()>>(first) };
    monitor.guard.write(copy);
    unsafe { rust_std_monitor_unlock(&monitor) };
    monitor
}
#[no_mangle]
pub extern "C" fn rust_std_monitor_free(_monitor: Box<StdMonitor>) {}
#[no_mangle]
pub extern "C" fn rust_std_monitor_lock(monitor: &StdMonitor) {
    forget(monitor.mutex.lock())
}
#[no_mangle]
pub extern "C" fn rust_std_monitor_try_lock(monitor: &StdMonitor) -> bool {
    monitor.mutex.try_lock().map(forget).is_ok()
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_std_monitor_unlock(monitor: &StdMonitor) {
    drop(monitor.guard.assume_init_read())
}
/// # Safety
/// The caller holds it.
#[no_mangle]
pub unsafe extern "C" fn rust_std_monitor_wait(monitor: &StdMonitor, which: usize) {
    forget(monitor.changed[which].wait(monitor.guard.assume_init_read()))
}
#[no_mangle]
pub extern "C" fn rust_std_monitor_notify_one(monitor: &StdMonitor, which: usize) {
    monitor.changed[which].notify_one()
}
#[no_mangle]
pub extern "C" fn rust_std_monitor_notify_all(monitor: &StdMonitor, which: usize) {
    monitor.changed[which].notify_all()
}

pub struct StdRwLock {
    rwlock: std::sync::RwLock<()>,
    reads: MaybeUninit<std::sync::RwLockReadGuard<'static, ()>>,
    writes: MaybeUninit<std::sync::RwLockWriteGuard<'static, ()>>,
}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_new() -> Box<StdRwLock> {
    let mut made = Box::new(StdRwLock {
        rwlock: Default::default(),
        reads: MaybeUninit::uninit(),
        writes: MaybeUninit::uninit(),
    });
    let first = made.rwlock.read().unwrap();
    let copy = unsafe { transmute::<_, std::sync::RwLockReadGuard<'static, ()>>(first) };
    made.reads.write(copy);
    unsafe { rust_std_rwlock_read_end(&made) };
    let first = made.rwlock.write().unwrap();
    let copy = unsafe { transmute::<_, std::sync::RwLockWriteGuard<'static, ()>>(first) };
    made.writes.write(copy);
    unsafe { rust_std_rwlock_write_end(&made) };
    made
}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_free(_rwlock: Box<StdRwLock>) {}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_read(rwlock: &StdRwLock) {
    forget(rwlock.rwlock.read())
}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_try_read(rwlock: &StdRwLock) -> bool {
    rwlock.rwlock.try_read().map(forget).is_ok()
}
/// # Safety
/// The caller reads.
#[no_mangle]
pub unsafe extern "C" fn rust_std_rwlock_read_end(rwlock: &StdRwLock) {
    drop(rwlock.reads.assume_init_read())
}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_write(rwlock: &StdRwLock) {
    forget(rwlock.rwlock.write())
}
#[no_mangle]
pub extern "C" fn rust_std_rwlock_try_write(rwlock: &StdRwLock) -> bool {
    rwlock.rwlock.try_write().map(forget).is_ok()
}
/// # Safety
/// The caller writes.
#[no_mangle]
pub unsafe extern "C" fn rust_std_rwlock_write_end(rwlock: &StdRwLock) {
    drop(rwlock.writes.assume_init_read())
}

#[no_mangle]
pub extern "C" fn rust_std_barrier_new(parties: usize) -> Box<std::sync::Barrier> {
    Box::new(std::sync::Barrier::new(parties))
}
#[no_mangle]
pub extern "C" fn rust_std_barrier_free(_barrier: Box<std::sync::Barrier>) {}
#[no_mangle]
pub extern "C" fn rust_std_barrier_wait(barrier: &std::sync::Barrier) {
    barrier.wait();
}

pub struct StdChannel(std::sync::mpsc::SyncSender<usize>, std::sync::mpsc::Receiver<usize>);
#[no_mangle]
pub extern "C" fn rust_std_channel_new(bound: usize) -> Box<StdChannel> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(bound);
    Box::new(StdChannel(sender, receiver))
}
#[no_mangle]
pub extern "C" fn rust_std_channel_free(_channel: Box<StdChannel>) {}
#[no_mangle]
pub extern "C" fn rust_std_channel_put(channel: &StdChannel, item: usize) {
    let _ = channel.0.send(item);
}
/// By one thread only.
#[no_mangle]
pub extern "C" fn rust_std_channel_get(channel: &StdChannel) -> usize {
    channel.1.recv().unwrap_or(0)
}

// ---- crossbeam

#[no_mangle]
pub extern "C" fn rust_ring_new(cells: usize) -> Box<ArrayQueue<usize>> {
    Box::new(ArrayQueue::new(cells))
}
#[no_mangle]
pub extern "C" fn rust_ring_free(_ring: Box<ArrayQueue<usize>>) {}
#[no_mangle]
pub extern "C" fn rust_ring_put(ring: &ArrayQueue<usize>, item: usize) -> bool {
    ring.push(item).is_ok()
}
/// 0: it is empty.
#[no_mangle]
pub extern "C" fn rust_ring_get(ring: &ArrayQueue<usize>) -> usize {
    ring.pop().unwrap_or(0)
}

pub struct Channel(Sender<usize>, Receiver<usize>);
#[no_mangle]
pub extern "C" fn rust_channel_new(bound: usize) -> Box<Channel> {
    let (sender, receiver) = bounded(bound);
    Box::new(Channel(sender, receiver))
}
#[no_mangle]
pub extern "C" fn rust_channel_free(_channel: Box<Channel>) {}
#[no_mangle]
pub extern "C" fn rust_channel_put(channel: &Channel, item: usize) {
    let _ = channel.0.send(item);
}
#[no_mangle]
pub extern "C" fn rust_channel_get(channel: &Channel) -> usize {
    channel.1.recv().unwrap_or(0)
}

// ---- dashmap

#[derive(Default)]
pub struct Maps {
    numbers: DashMap<u64, u64>,
    texts: DashMap<Vec<u8>, u64>,
}
#[no_mangle]
pub extern "C" fn rust_map_new(entries: usize) -> Box<Maps> {
    Box::new(Maps { numbers: DashMap::with_capacity(entries), texts: DashMap::with_capacity(entries) })
}
#[no_mangle]
pub extern "C" fn rust_map_free(_maps: Box<Maps>) {}
#[no_mangle]
pub extern "C" fn rust_map_get(maps: &Maps, key: u64) -> u64 {
    maps.numbers.get(&key).map_or(0, |found| *found)
}
#[no_mangle]
pub extern "C" fn rust_map_put(maps: &Maps, key: u64, value: u64) {
    maps.numbers.insert(key, value);
}
#[no_mangle]
pub extern "C" fn rust_map_remove(maps: &Maps, key: u64) {
    maps.numbers.remove(&key);
}
/// # Safety
/// `text` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn rust_map_get_text(maps: &Maps, text: *const u8, length: usize) -> u64 {
    maps.texts.get(std::slice::from_raw_parts(text, length)).map_or(0, |found| *found)
}
/// # Safety
/// `text` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn rust_map_put_text(maps: &Maps, text: *const u8, length: usize, value: u64) {
    maps.texts.insert(std::slice::from_raw_parts(text, length).to_vec(), value);
}

// ---- rayon and tokio: pools of two that run a function of C's

type Function = unsafe extern "C" fn(*mut c_void);

#[derive(Clone, Copy)]
struct Job(Function, *mut c_void);
unsafe impl Send for Job {}
impl Job {
    fn run(self, left: &AtomicUsize) {
        unsafe { (self.0)(self.1) };
        left.fetch_sub(1, Ordering::Release);
    }
}

fn wait_for(left: &AtomicUsize) {
    while left.load(Ordering::Acquire) != 0 {
        std::thread::yield_now()
    }
}

pub struct Rayon(rayon::ThreadPool, Arc<AtomicUsize>);
#[no_mangle]
pub extern "C" fn rust_rayon_new(workers: usize) -> Box<Rayon> {
    Box::new(Rayon(rayon::ThreadPoolBuilder::new().num_threads(workers).build().unwrap(), Arc::default()))
}
#[no_mangle]
pub extern "C" fn rust_rayon_free(_pool: Box<Rayon>) {}
#[no_mangle]
pub extern "C" fn rust_rayon_submit(pool: &Rayon, function: Function, argument: *mut c_void) {
    let (job, left) = (Job(function, argument), pool.1.clone());
    left.fetch_add(1, Ordering::Relaxed);
    pool.0.spawn(move || { let job = job; job.run(&left) })
}
#[no_mangle]
pub extern "C" fn rust_rayon_finish(pool: &Rayon) {
    wait_for(&pool.1)
}

pub struct Tokio(tokio::runtime::Runtime, Arc<AtomicUsize>);
#[no_mangle]
pub extern "C" fn rust_tokio_new(workers: usize) -> Box<Tokio> {
    let made = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).build();
    Box::new(Tokio(made.unwrap(), Arc::default()))
}
#[no_mangle]
pub extern "C" fn rust_tokio_free(_pool: Box<Tokio>) {}
#[no_mangle]
pub extern "C" fn rust_tokio_submit(pool: &Tokio, function: Function, argument: *mut c_void) {
    let (job, left) = (Job(function, argument), pool.1.clone());
    left.fetch_add(1, Ordering::Relaxed);
    pool.0.spawn(async move { let job = job; job.run(&left) });
}
#[no_mangle]
pub extern "C" fn rust_tokio_finish(pool: &Tokio) {
    wait_for(&pool.1)
}
