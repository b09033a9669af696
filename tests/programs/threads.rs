// SPDX-License-Identifier: MIT

// Threads that count under the locks of Rust's standard library, which call the futex themselves:
// tools/compare-programs.
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;

const THREADS: usize = 16;
const ROUNDS: usize = 200000;

fn main() {
    let counted = Arc::new(Mutex::new(0));
    let turn = Arc::new((Mutex::new(0), Condvar::new()));
    let table = Arc::new(RwLock::new(vec![0; THREADS]));
    let barrier = Arc::new(Barrier::new(THREADS));
    let (sender, receiver) = mpsc::sync_channel(4);
    let all: Vec<_> = (0..THREADS)
        .map(|me| {
            let (counted, turn, table) = (counted.clone(), turn.clone(), table.clone());
            let (barrier, sender) = (barrier.clone(), sender.clone());
            thread::spawn(move || {
                barrier.wait();
                for round in 0..ROUNDS {
                    *counted.lock().unwrap() += 1;
                    if round % 64 == 0 {
                        table.write().unwrap()[me] += 1;
                    } else if round % 8 == 0 {
                        assert!(table.read().unwrap()[me] > 0);
                    }
                }
                let (next, changed) = &*turn;
                let mut next = changed.wait_while(next.lock().unwrap(), |next| *next != me).unwrap();
                *next += 1;
                changed.notify_all();
                drop(next);
                sender.send(me).unwrap();
            })
        })
        .collect();
    let sum: usize = receiver.iter().take(THREADS).sum();
    for one in all {
        one.join().unwrap();
    }
    let written: usize = table.read().unwrap().iter().sum();
    println!("{} {} {} {}", counted.lock().unwrap(), turn.0.lock().unwrap(), sum, written);
}
