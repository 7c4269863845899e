package storage

// DecodeFile is the decode of an archive, for tests.
var DecodeFile = (*Archive).decode
