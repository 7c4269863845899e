package ingest

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLogs gives pion's log to ours: its errors are mostly the network's, and
// are of interest only to somebody who looks for one.
type pionLogs struct{ log *slog.Logger }

func (l pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{l.log.With("pion", scope)}
}

type pionLog struct{ log *slog.Logger }

func (pionLog) Trace(string)          {}
func (pionLog) Tracef(string, ...any) {}
func (pionLog) Debug(string)          {}
func (pionLog) Debugf(string, ...any) {}
func (pionLog) Info(string)           {}
func (pionLog) Infof(string, ...any)  {}
func (l pionLog) Warn(msg string)     { l.log.Debug(msg) }
func (l pionLog) Error(msg string)    { l.log.Debug(msg) }

func (l pionLog) Warnf(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pionLog) Errorf(format string, args ...any) { l.log.Debug(fmt.Sprintf(format, args...)) }
