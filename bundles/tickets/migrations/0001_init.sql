-- What a model definition cannot say: which comments go with their ticket, and which words a status
-- and a priority may be. The declared models add their columns, indexes and the tenant wall.

CREATE TABLE IF NOT EXISTS tickets (
    id              UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    number          VARCHAR(20) NOT NULL,
    title           VARCHAR(200) NOT NULL,
    description     TEXT,
    status          VARCHAR(20) NOT NULL DEFAULT 'open'
                    CHECK (status IN ('open', 'in_progress', 'waiting', 'resolved', 'closed')),
    priority        VARCHAR(20) NOT NULL DEFAULT 'medium'
                    CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    requester_email VARCHAR(254),
    due_on          DATE,
    estimated_hours NUMERIC(18, 4) DEFAULT 0,
    is_public       BOOLEAN NOT NULL DEFAULT false,
    resolved_at     TIMESTAMP WITH TIME ZONE
);

CREATE TABLE IF NOT EXISTS ticket_comments (
    id              UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    ticket_id       UUID NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    body            TEXT NOT NULL,
    is_internal     BOOLEAN NOT NULL DEFAULT false
);

CREATE INDEX IF NOT EXISTS idx_tickets_status_due ON tickets (status, due_on);
