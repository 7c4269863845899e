package storage

// ParseCallFile is what the file of a call says, if that is a call.
var ParseCallFile = parseCallFile
