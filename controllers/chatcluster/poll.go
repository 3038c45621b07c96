// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/statusz"
)

// Bounds of asking pods; chosen, no evidence.
const (
	askTimeout  = 2 * time.Second
	askedAtOnce = 16
)

// Ask asks the pod at an address for its status.
type Ask func(ctx context.Context, address string) (component.Status, error)

// AskHTTP asks over the ops port.
func AskHTTP(ctx context.Context, address string) (component.Status, error) {
	return statusz.Get(ctx, net.JoinHostPort(address, strconv.Itoa(component.OpsPort)))
}

// askAll asks every pod that runs. One that does not answer is left out: silence blocks nothing.
func askAll(ctx context.Context, ask Ask, pods []corev1.Pod) map[string]component.Status {
	told := map[string]component.Status{}
	if ask == nil {
		return told
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var mu sync.Mutex // guards told
	var asked sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for _, pod := range pods {
		if pod.Status.PodIP == "" || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			status, err := ask(ctx, pod.Status.PodIP)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			told[pod.Name] = status
		})
	}
	asked.Wait()
	return told
}
