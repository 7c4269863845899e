package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// settingRow is what people have set for the whole house, under its name.
type settingRow struct {
	bun.BaseModel `bun:"table:settings,alias:settings"`

	Name  string `bun:"name,pk"`
	Doc   string `bun:"doc"` // JSON
	Maker string `bun:"maker"`
	At    int64  `bun:"at"`
}

const thresholdsSetting = "thresholds"

// SetThresholds are thresholds as people set them: By and At are empty where
// nobody has, and the defaults count.
type SetThresholds struct {
	earshot.ThresholdsByKind
	By string
	At time.Time
}

// Thresholds are those that count now.
func (ix *Index) Thresholds(ctx context.Context) (SetThresholds, error) {
	set := SetThresholds{ThresholdsByKind: earshot.DefaultThresholds()}
	var row settingRow
	err := ix.read.NewSelect().Model(&row).Where("name = ?", thresholdsSetting).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return set, nil
	}
	if err != nil {
		return set, failed("read the thresholds", err)
	}
	set.By, set.At = row.Maker, timeOf(row.At)
	return set, failed("read the thresholds", json.Unmarshal([]byte(row.Doc), &set.ThresholdsByKind)) // what a newer earshot adds keeps its default
}

// SaveThresholds sets them; `bad_thresholds`.
func (ix *Index) SaveThresholds(ctx context.Context, t earshot.ThresholdsByKind, by string, at time.Time) error {
	if err := t.Validate(); err != nil {
		return err
	}
	doc, err := json.Marshal(t)
	if err != nil {
		return failed("keep the thresholds", err)
	}
	row := settingRow{Name: thresholdsSetting, Doc: string(doc), Maker: clean(by), At: msOf(at)}
	return ix.change(ctx, synced, "keep the thresholds", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").Exec(ctx)
		return err
	})
}
