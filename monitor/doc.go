// Package monitor is the dashboard's server: it signs people in, decides what
// they may do, writes down what they did, and shapes what storage and the floor
// know into the HTTP API, the WebSockets and the pages. It never touches a
// packet.
//
// Every request passes one gate: Route says what a route needs, Gate decides,
// and a route without a row in the table cannot be registered.
//
// Goroutines, all started by Run and ended by its context:
//   - the auditor, which puts audit rows on the shelf in their order;
//   - the teller, which tells a changed roster until the live state took it;
//   - those of live.Hub: events, levels, health, and a reader and a writer for
//     each WebSocket, which end with the connection or with Run.
package monitor
