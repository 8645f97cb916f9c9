#pragma once

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/event/event_package.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// What is subscribed to or published for, by package and address. A resource lives as long as
/// something refers to it.
class Resources {
public:
    explicit Resources(Shard& shard)
        : shard_(shard), slab_(shard.memory, shard.limits.resources), by_name_(shard.memory) {}

    struct Resource {
        Block name;                ///< canonical address-of-record
        std::uint8_t package = 0;  ///< number in EventPackages
        std::uint32_t references = 0;
        std::uint32_t subscriptions = 0, publications = 0;
        std::uint32_t first_view = UINT32_MAX;         ///< the Notifier's
        std::uint32_t first_publication = UINT32_MAX;  ///< the Compositor's, last changed first
        std::uint64_t hash = 0;
    };
    ResourceId find(std::uint8_t package, std::string_view name) const;
    /// Finds or makes it, and takes one reference. False id: the limit or memory refused.
    [[nodiscard]] ResourceId obtain(std::uint8_t package, std::string_view name);
    void release(ResourceId id);
    Resource& at(ResourceId id) {
        Resource* found = slab_.find(id.handle);
        SIP_ASSERT(found != nullptr);
        return *found;
    }
    const Resource& at(ResourceId id) const { return const_cast<Resources*>(this)->at(id); }
    /// One number for all that concerns an address under a package (for staging).
    std::uint64_t hash_of(std::uint8_t package, std::string_view name) const {
        return mix(siphash(shard_.key, name), package);
    }
    std::size_t size() const { return slab_.size(); }
    /// Gives back memory that only a load of the past needed.
    void trim() {
        slab_.trim();
        by_name_.trim();
    }

private:
    Shard& shard_;
    Slab<Resource> slab_;
    HashIndex by_name_;
};

}  // namespace sip
