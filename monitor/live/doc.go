// Package live keeps every dashboard's wall up to date over WebSockets: a
// snapshot, then each event in order, the levels ten times a second, and word of
// it when the live state cannot be reached. It serves the seat page's line too.
//
// Goroutines of a Hub, all ended by the context of Run, which waits for them:
//   - follow takes events from the store and hands each to every client;
//   - hear takes levels, and tick sends them, one message for all;
//   - watch reaps lapsed leases and notices whether the store answers;
//   - look reads the list of seats and asks again whether each client may stay.
//
// Each WebSocket has a writer, on its HTTP handler's goroutine, and a reader;
// either's end ends the other. A seat's line has a watcher besides.
package live
