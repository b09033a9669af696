// SPDX-License-Identifier: MIT
//! Each object as C sees it: made on the heap, used by pointer. A call from C++ is not inlined, which costs a
//! nanosecond or two that Rust's own users do not pay.

use crossbeam_channel::{bounded, Receiver, Sender};
use crossbeam_queue::ArrayQueue;
use dashmap::DashMap;
use parking_lot::lock_api::{RawMutex as _, RawRwLock as _};
use parking_lot::{Condvar, Mutex, MutexGuard, RawMutex, RawRwLock};
use std::ffi::c_void;
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
    std::mem::forget(monitor.mutex.lock())
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
    let mut guard: MutexGuard<()> = std::mem::transmute(&monitor.mutex);
    monitor.changed[which].wait(&mut guard);
    std::mem::forget(guard)
}
#[no_mangle]
pub extern "C" fn rust_monitor_notify_one(monitor: &Monitor, which: usize) {
    monitor.changed[which].notify_one();
}
#[no_mangle]
pub extern "C" fn rust_monitor_notify_all(monitor: &Monitor, which: usize) {
    monitor.changed[which].notify_all();
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
