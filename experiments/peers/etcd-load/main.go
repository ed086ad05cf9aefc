// A load for etcd over gRPC, its own protocol, with which it is fastest.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o etcd-load .
//	etcd-load -endpoints A,B,C put|get|leader|failover
//
// put and get (linearizable) are closed loops against the leader over at most 8 connections. They print
// operations per second and the latency's median and 99th percentile in microseconds. leader prints the
// index of the endpoint that leads, and fails if no endpoint does. failover puts over all endpoints, kills the
// leader's process after a second and prints the longest time without a successful put in milliseconds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var (
	endpointList = flag.String("endpoints", "127.0.0.1:2379", "of all nodes, separated by commas")
	clientCount  = flag.Int("clients", 256, "clients with one operation outstanding each")
	connections  = flag.Int("connections", 8, "that the clients share, at most")
	seconds      = flag.Float64("seconds", 3, "measured")
	warmUp       = flag.Float64("warm-up", 1, "seconds before that")
	keyCount     = flag.Int("keys", 10000, "keys in use")
	valueSize    = flag.Int("size", 256, "bytes of a value")
	processList  = flag.String("pids", "", "failover: processes of the nodes, in the order of the endpoints")
	patience     = flag.Duration("patience", 100*time.Millisecond, "failover: after which a put is given up")
)

func main() {
	flag.Parse()
	endpoints := strings.Split(*endpointList, ",")
	switch mode := flag.Arg(0); mode {
	case "leader":
		fmt.Println(leader(endpoints))
	case "put", "get":
		measure(mode, endpoints)
	case "failover":
		failover(endpoints)
	default:
		fail("found %q, allowed put, get, leader, failover", mode)
	}
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "etcd-load: "+format+"\n", arguments...)
	os.Exit(1)
}

func dial(endpoints ...string) *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 2 * time.Second})
	if err != nil {
		fail("%v", err)
	}
	return client
}

// leader asks one node after the other, and returns the index of the first that says that it leads.
func leader(endpoints []string) int {
	for index, endpoint := range endpoints {
		client := dial(endpoint)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		status, err := client.Status(ctx, endpoint)
		cancel()
		client.Close()
		if err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId {
			return index
		}
	}
	fail("no node leads")
	return -1
}

func key(number int) string { return fmt.Sprintf("key%08d", number%*keyCount) }

// loop is one client of a closed loop: it calls act with changing key numbers and notes how long each call takes.
func loop(first int, from, until time.Time, act func(int) error) (latencies []time.Duration, failures int) {
	for number := first; ; number += 7919 {
		began := time.Now()
		err := act(number)
		ended := time.Now()
		if ended.After(until) {
			return
		}
		if err != nil {
			failures++
		} else if ended.After(from) {
			latencies = append(latencies, ended.Sub(began))
		}
	}
}

func measure(mode string, endpoints []string) {
	target := endpoints[leader(endpoints)]
	var shared []*clientv3.Client
	for len(shared) < *connections && len(shared) < *clientCount {
		shared = append(shared, dial(target))
	}
	value := strings.Repeat("v", *valueSize)
	put := func(client *clientv3.Client, number int) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := client.Put(ctx, key(number), value)
		return err
	}
	get := func(client *clientv3.Client, number int) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := client.Get(ctx, key(number))
		return err
	}
	act := put
	var working sync.WaitGroup
	if mode == "get" {
		act = get
		// Every key is written first, so that a read finds a value.
		for worker := 0; worker < 64; worker++ {
			working.Add(1)
			go func(worker int) {
				defer working.Done()
				for number := worker; number < *keyCount; number += 64 {
					if err := put(shared[worker%len(shared)], number); err != nil {
						fail("%v", err)
					}
				}
			}(worker)
		}
		working.Wait()
	}
	from := time.Now().Add(time.Duration(*warmUp * 1e9))
	until := from.Add(time.Duration(*seconds * 1e9))
	latencies := make([][]time.Duration, *clientCount)
	failures := make([]int, *clientCount)
	for worker := range latencies {
		working.Add(1)
		go func(worker int) {
			defer working.Done()
			client := shared[worker%len(shared)]
			latencies[worker], failures[worker] = loop(worker*131, from, until, func(number int) error {
				return act(client, number)
			})
		}(worker)
	}
	working.Wait()
	var all []time.Duration
	failed := 0
	for worker := range latencies {
		all = append(all, latencies[worker]...)
		failed += failures[worker]
	}
	if len(all) == 0 || failed > 0 {
		fail("%d operations, %d failures", len(all), failed)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	microseconds := func(share float64) float64 { return float64(all[int(share*float64(len(all)-1))]) / 1e3 }
	fmt.Printf("ops_per_s=%.0f p50_us=%.1f p99_us=%.1f\n",
		float64(len(all))/(*seconds), microseconds(0.5), microseconds(0.99))
}

func failover(endpoints []string) {
	victim := leader(endpoints)
	names := strings.Split(*processList, ",")
	if len(names) != len(endpoints) {
		fail("-pids: found %d processes for %d endpoints", len(names), len(endpoints))
	}
	process, err := strconv.Atoi(names[victim])
	if err != nil || process <= 1 {
		fail("-pids: found %q, allowed a process", names[victim])
	}
	successes := make(chan time.Time, 1<<16)
	value := strings.Repeat("v", *valueSize)
	for worker := 0; worker < *clientCount; worker++ {
		go func(worker int, client *clientv3.Client) {
			for number := worker * 131; ; number += 7919 {
				ctx, cancel := context.WithTimeout(context.Background(), *patience)
				_, err := client.Put(ctx, key(number), value)
				cancel()
				if err == nil {
					successes <- time.Now()
				} else {
					time.Sleep(2 * time.Millisecond) // So that the client leaves the processor to etcd.
				}
			}
		}(worker, dial(endpoints...))
	}
	killAt := time.Now().Add(time.Second)
	var killed, resumed time.Time
	var last time.Time
	longest := time.Duration(0)
	deadline := time.After(30 * time.Second)
	for {
		select {
		case moment := <-successes:
			if !killed.IsZero() && moment.After(last) && moment.Sub(last) > longest {
				longest = moment.Sub(last)
				resumed = moment
			}
			if moment.After(last) {
				last = moment
			}
			if killed.IsZero() && moment.After(killAt) {
				if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
					fail("%v", err)
				}
				killed = time.Now()
			}
			// Two seconds without a longer gap show that the service is back for good.
			if !killed.IsZero() && moment.Sub(killed) > 4*time.Second && moment.Sub(resumed) > 2*time.Second {
				fmt.Printf("victim=%d outage_ms=%.1f\n", victim, float64(longest)/1e6)
				return
			}
		case <-deadline:
			fail("no service for a long time after the loss of node %d", victim)
		}
	}
}
