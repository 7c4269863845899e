package session

// Every key of the live state. All of it is a projection: ingest nodes put it
// again within seconds of its loss. Nothing here expires by itself; leases are
// decided inside scripts by the one clock all nodes share, Redis's own.
//
//	key              type    meaning
//	earshot:epoch    string  random name of this memory's life; a flushed Redis gets another
//	earshot:events   stream  what happened, about the last 10,000: e is the epoch, d the JSON of
//	                         earshot.Event; the first entry of an epoch has an empty d
//	earshot:seats    hash    seat -> JSON of earshot.LiveSeat
//	earshot:owners   hash    seat -> the node that answers for it; none once that node was lost
//	earshot:nodes    hash    node -> JSON of earshot.LiveNode
//	earshot:leases   hash    node -> Unix ms until which it counts as alive
//	earshot:calls    hash    call -> the node that records it; valid as long as that node's lease
//
//	earshot:levels:DB  channel  one message a node a tick, see levels.go; channels are not
//	                            apart by database, so the name has its number
const (
	keyEpoch  = "earshot:epoch"
	keyEvents = "earshot:events"
	keySeats  = "earshot:seats"
	keyOwners = "earshot:owners"
	keyNodes  = "earshot:nodes"
	keyLeases = "earshot:leases"
	keyCalls  = "earshot:calls"

	channelLevels = "earshot:levels:"
)

// allKeys is what every script gets, in the order in which scriptHead names them.
var allKeys = []string{keyEpoch, keyEvents, keySeats, keyOwners, keyNodes, keyLeases, keyCalls}

// Fields of an event in the stream.
const (
	fieldEpoch = "e"
	fieldEvent = "d"
)
