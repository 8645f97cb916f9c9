#pragma once

#include "sip/base/slab.hpp"
#include "sip/base/split_table.hpp"
#include "sip/event/event_package.hpp"
#include "sip/event/interned_address.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// What is subscribed to or published for, by package and address. A resource lives as long as
/// something refers to it.
class Resources {
public:
    explicit Resources(Shard& shard)
        : shard_(shard), slab_(shard.memory, shard.limits.resources), by_name_(shard.memory) {
        shard.reserve(shard.limits.resources, slab_, by_name_);
    }

    struct Resource {
        InternedAddress name;
        std::uint8_t package = 0;  ///< number in EventPackages
        std::uint32_t references = 0;
        std::uint32_t subscriptions = 0, publications = 0;
        std::uint32_t first_view = UINT32_MAX;         ///< the Notifier's
        std::uint32_t first_publication = UINT32_MAX;  ///< the Compositor's, last changed first
        std::uint32_t next = UINT32_MAX;               ///< of one bucket
        std::uint64_t hash = 0;
    };
    ResourceId find(std::uint8_t package, std::string_view name) const {
        return find(package, name, hash_of(package, name));
    }
    /// The same with what `hash_of` gave.
    ResourceId find(std::uint8_t package, std::string_view name, std::uint64_t hash) const;
    /// Finds or makes it, and takes one reference. False id: the limit or memory refused.
    [[nodiscard]] ResourceId obtain(std::uint8_t package, std::string_view name) {
        return obtain(package, name, hash_of(package, name));
    }
    [[nodiscard]] ResourceId obtain(std::uint8_t package, std::string_view name,
                                    std::uint64_t hash);
    void release(ResourceId id);
    Resource& at(ResourceId id) {
        Resource* found = slab_.find(id.handle);
        SIP_ASSERT(found != nullptr);
        return *found;
    }
    /// By its index, of one that is referred to.
    Resource& at(std::uint32_t index) { return slab_.at(index); }
    const Resource& at(std::uint32_t index) const { return slab_.at(index); }
    ResourceId id_at(std::uint32_t index) { return {slab_.handle_at(index)}; }
    const Resource& at(ResourceId id) const { return const_cast<Resources*>(this)->at(id); }
    /// One number for all that concerns an address under a package (for staging).
    std::uint64_t hash_of(std::uint8_t package, std::string_view name) const {
        return mix(table_hash(shard_.key, name), package);
    }
    std::size_t size() const { return slab_.size(); }
    /// Gives back memory that only a load of the past needed.
    void trim() {
        slab_.trim();
        by_name_.trim();
    }

private:
    struct Access {
        Slab<Resource>& slab;
        std::uint32_t& next(std::uint32_t i) const { return slab.at(i).next; }
        std::uint64_t hash(std::uint32_t i) const { return slab.at(i).hash; }
    };

    Shard& shard_;
    Slab<Resource> slab_;
    SplitTable<std::uint32_t, UINT32_MAX> by_name_;
};

}  // namespace sip
