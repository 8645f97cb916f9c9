#pragma once

#include <cstdint>

#include "sip/base/ids.hpp"
#include "sip/base/linked.hpp"
#include "sip/base/slab.hpp"

namespace sip {

/// Stands in whatever lives by a connection: a transaction, a subscription, a registration. While
/// it is bound (TransportLayer::bind) the connection is not idle; when the connection goes, its
/// owner is told, and no other object is looked at. Goes with its object.
class FlowBond : private Linked {
public:
    /// A part of the stack, and an object of that part.
    struct Owner {
        std::uint8_t part = 0;
        Handle object;
    };
    /// The connection; none where it is not bound, or the connection is gone.
    FlowId flow() const { return flow_; }

private:
    friend class TransportLayer;
    void bind(Linked& head, FlowId flow, Owner owner) {
        join(head);
        flow_ = flow;
        owner_ = owner;
    }
    void release() {
        leave();
        flow_ = {};
    }
    FlowId flow_{};
    Owner owner_;
};

}  // namespace sip
