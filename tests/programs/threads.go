// SPDX-License-Identifier: MIT

// Goroutines that count under Go's own locks, and under a pthread mutex by calls of C: tools/compare-programs.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counted;
static void count_in_c(void) {
    pthread_mutex_lock(&mutex);
    counted++;
    pthread_mutex_unlock(&mutex);
}
static long counted_in_c(void) {
    pthread_mutex_lock(&mutex);
    const long count = counted;
    pthread_mutex_unlock(&mutex);
    return count;
}
*/
import "C"

import (
	"fmt"
	"sync"
)

const threads, rounds = 16, 200000

func main() {
	var mutex sync.Mutex
	var all sync.WaitGroup
	turn := sync.NewCond(&mutex)
	counted, next := 0, 0
	numbers := make(chan int, 4)
	for i := 0; i < threads; i++ {
		all.Add(1)
		go func(me int) {
			defer all.Done()
			for j := 0; j < rounds; j++ {
				mutex.Lock()
				counted++
				mutex.Unlock()
				if j%16 == 0 {
					C.count_in_c()
				}
			}
			mutex.Lock()
			for next != me {
				turn.Wait()
			}
			next++
			turn.Broadcast()
			mutex.Unlock()
			numbers <- me
		}(i)
	}
	sum := 0
	for i := 0; i < threads; i++ {
		sum += <-numbers
	}
	all.Wait()
	fmt.Println(counted, next, sum, C.counted_in_c())
}
