// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"encoding/json"
	"maps"
	"net/http"

	"github.com/parley-chat/parley/api/component"
)

// Identify says what runs here, for /statusz.
func (o *Ops) Identify(name component.Name, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.component, o.version = name, version
}

// SetDependency adds a dependency to /statusz. The function is called per request, from any goroutine, and
// must not wait; the empty class is for one that was not used yet.
func (o *Ops) SetDependency(d component.Dependency, class func() component.Class) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dependencies[d] = class
}

// SetGateway adds the section of a gateway to /statusz. The function is called per request, from any
// goroutine.
func (o *Ops) SetGateway(status func() *component.GatewayStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gateway = status
}

// SetReindex adds how far a rebuild of the search index is to /statusz. The function is called per request, from
// any goroutine.
func (o *Ops) SetReindex(status func() component.ReindexStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reindex = status
}

// SetIndex adds how an index of texts is to /statusz. The function is called per request, from any goroutine; nil is
// for one that was not looked at yet.
func (o *Ops) SetIndex(status func() *component.IndexStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.index = status
}

// state is what /statusz answers. The functions run without the lock.
func (o *Ops) state() component.Status {
	o.mu.Lock()
	status := component.Status{Component: o.component, Version: o.version}
	dependencies, gateway, reindex, index := maps.Clone(o.dependencies), o.gateway, o.reindex, o.index
	o.mu.Unlock()
	status.Ready = o.ready.Load()
	for d, ask := range dependencies {
		if class := ask(); class != "" {
			if status.Dependencies == nil {
				status.Dependencies = map[component.Dependency]component.Class{}
			}
			status.Dependencies[d] = class
		}
	}
	if gateway != nil {
		status.Gateway = gateway()
	}
	if reindex != nil {
		progress := reindex()
		status.Reindex = &progress
	}
	if index != nil {
		status.Index = index()
	}
	return status
}

func (o *Ops) writeStatus(w http.ResponseWriter, _ *http.Request) {
	text, err := json.MarshalIndent(o.state(), "", "  ")
	if err != nil {
		http.Error(w, "status cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the reader has gone; nobody to tell
}
