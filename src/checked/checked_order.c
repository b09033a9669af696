/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. The graph: an edge from A to B says that a thread which held one of A has waited for one
 * of B. A way from B back to A is an inversion. The two ends of an edge are classes, or, within one class,
 * the objects.
 *
 * In a circle with checked_held.c: an acquire there is looked at here, by what the thread holds.
 */
#include "checked_inside.h"

static uint32_t looks;

static check_node *end_of(const check_object *object, const check_object *other) {
    return object->class && object->class != other->class ? object->class : object->own;
}

static check_edge *edge_to(const check_node *from, const check_node *to) {
    check_edge *edge = from->edges;
    while (edge && edge->to != to) edge = edge->next;
    return edge;
}

/* The first edge of a way; NULL: there is none. */
static const check_edge *way(check_node *from, const check_node *to) {
    from->look = looks;
    for (const check_edge *edge = from->edges; edge; edge = edge->next) {
        if (edge->is_inverted) continue;
        if (edge->to == to) return edge;
        if (edge->to->look != looks && way(edge->to, to)) return edge;
    }
    return NULL;
}

static void say_step(check_report *report, const check_edge *edge) {
    const check_object *const held = check_object_at_(edge->held_object);
    const check_object *const wanted = check_object_at_(edge->wanted_object);
    check_say_(report, "  before, thread %llu held\n", (unsigned long long)edge->thread);
    if (held) check_say_object_(report, held, edge->held);
    check_say_stack_(report, &edge->held_at);
    check_say_(report, "  and acquired\n");
    if (wanted) check_say_object_(report, wanted, edge->wanted);
    check_say_stack_(report, &edge->wanted_at);
}

static void tell(check_report *report, const check_call *call, const check_holding *held, check_node *from,
                 const check_node *to) {
    check_title_(report, THRUM_CHECKED_INVERSION, "an order that may deadlock: thread %llu holds",
                 (unsigned long long)call->thread->ident);
    check_say_object_(report, held->object, held->mode);
    check_say_stack_(report, &held->at);
    check_say_(report, "  and acquires\n");
    check_say_object_(report, call->object, call->mode);
    check_say_stack_(report, &call->at);
    for (check_node *at = from; at != to;) {
        looks++;
        const check_edge *const step = way(at, to);
        say_step(report, step);
        at = step->to;
    }
}

/* Reads alone: a deadlock needs writers that wait between them. */
static void learn(const check_call *call, const check_holding *held, check_report *report) {
    check_node *const from = end_of(held->object, call->object);
    check_node *const to = end_of(call->object, held->object);
    if (from == to || edge_to(from, to)) return;
    check_edge *const edge = check_memory_(sizeof *edge);
    if (!edge) return;
    looks++;
    const bool is_inverted = way(to, from) != NULL;
    if (is_inverted && !report->made) tell(report, call, held, to, from);
    *edge = (check_edge){.to = to,
                         .is_inverted = is_inverted,
                         .held = held->mode,
                         .wanted = call->mode,
                         .held_object = held->object->address,
                         .wanted_object = call->object->address,
                         .thread = call->thread->ident,
                         .held_at = held->at,
                         .wanted_at = call->at,
                         .next = from->edges};
    from->edges = edge;
}

/* An object that another thread has put away in the middle of this call has no node any more. */
void check_order_(const check_call *call, check_report *report) {
    if (!call->object->own) return;
    for (const check_holding *held = call->thread->held; held; held = held->next_of_thread)
        if (held->object->own) learn(call, held, report);
}
