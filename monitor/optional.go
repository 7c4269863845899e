package monitor

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a parameter of a query that tells a zero from nothing.
type optional[T any] struct {
	value T
	said  bool
}

func (o optional[T]) orNil() *T {
	if !o.said {
		return nil
	}
	return &o.value
}

// Schema, Receiver and OnParamSet are how huma describes and reads it.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where huma puts the value.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet hears whether there is one.
func (o *optional[T]) OnParamSet(said bool, _ any) { o.said = said }
