// SPDX-License-Identifier: Apache-2.0

package component

// Callers lists the components that may call the RPC port of a component. NetworkPolicies and their
// test come from here.
func Callers(name Name) []Name {
	switch name {
	case Gateway:
		return []Name{Gateway}
	case User:
		return []Name{Gateway, Friend, File}
	case Friend:
		return []Name{Gateway, Message, Transmit}
	case File:
		return []Name{Gateway, User, Message, Speech}
	case Message:
		return []Name{Gateway, Friend, File, Transmit, Speech}
	case Speech:
		return []Name{Gateway}
	default:
		return nil
	}
}

// WatchesRing tells whether a component reads EndpointSlices, for which it needs a token.
func WatchesRing(name Name) bool { return name == Gateway || name == Transmit }

// EnvUpstream is the environment key with the base address of a component.
func EnvUpstream(name Name) string {
	switch name {
	case User:
		return EnvUpstreamUserURL
	case Friend:
		return EnvUpstreamFriendURL
	case Message:
		return EnvUpstreamMessageURL
	case File:
		return EnvUpstreamFileURL
	case Speech:
		return EnvUpstreamSpeechURL
	default:
		return ""
	}
}

// Upstreams lists the components that a component calls, without itself.
func Upstreams(name Name) []Name {
	var list []Name
	for _, callee := range All() {
		for _, caller := range Callers(callee) {
			if caller == name && callee != name {
				list = append(list, callee)
			}
		}
	}
	return list
}
