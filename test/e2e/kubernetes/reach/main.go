// SPDX-License-Identifier: Apache-2.0

// Command reach tries to connect to each of the addresses that it is given, all at once, and prints a line
// for each: the address, and open or closed. It runs in pods whose way out is judged.
//
// It tries in rounds, and the last one counts: what enforces policies learns of a pod when it runs already.
package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	rounds = 2
	pause  = 2 * time.Second
	// timeout of one attempt: a packet that a policy drops gets no answer.
	timeout = 2 * time.Second
)

func main() {
	verdicts := make([]string, len(os.Args)-1)
	next := time.NewTicker(pause)
	defer next.Stop()
	for range rounds {
		<-next.C
		var all sync.WaitGroup
		for i, address := range os.Args[1:] {
			all.Go(func() { verdicts[i] = verdict(address) })
		}
		all.Wait()
	}
	for i, address := range os.Args[1:] {
		fmt.Fprintln(os.Stdout, address, verdicts[i])
	}
}

func verdict(address string) string {
	connection, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return "closed"
	}
	_ = connection.Close() // it has served
	return "open"
}
