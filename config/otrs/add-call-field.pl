#!/usr/bin/perl
# Adds the dynamic field in which agi-server keeps a call's unique id to each ticket, so that it
# finds the ticket of a call again and never opens a second one.
#
# Run it once, as the user that OTRS or Znuny runs as:
#     perl add-call-field.pl [--home /opt/otrs] [--name AsteriskUniqueID]
# --home is OTRS's folder; without it the usual places are tried. Running it again changes nothing.

use strict;
use warnings;
use utf8;

use Getopt::Long;

my ( $Home, $Name );

sub stop { print STDERR "$_[0]\n"; exit( $_[1] // 1 ) }

BEGIN {
    $Name = 'AsteriskUniqueID';
    GetOptions( 'home=s' => \$Home, 'name=s' => \$Name ) or stop( "usage: $0 [--home FOLDER] [--name FIELD]", 2 );
    my @Found = grep { -e "$_/Kernel/System/ObjectManager.pm" } $Home // qw(/opt/znuny /opt/otrs /usr/share/otrs);
    $Home = shift @Found
        // stop( defined $Home ? "$Home is not OTRS's folder" : 'OTRS is in none of the usual places: --home FOLDER', 2 );
    $Name =~ /\A[A-Za-z0-9]+\z/ or stop( "a field's name may have letters and digits only, not '$Name'", 2 );
    unshift @INC, $Home, "$Home/Kernel/cpan-lib", "$Home/Custom";
}

use Kernel::System::ObjectManager;

if ( $> == 0 ) {
    stop(     'run this as the user that OTRS runs as (often otrs or znuny), not as root:'
            . " files of root's in its cache would lock OTRS out" );
}

local $Kernel::OM = Kernel::System::ObjectManager->new(
    'Kernel::System::Log' => { LogPrefix => 'add-call-field' },
);
my $Fields = $Kernel::OM->Get('Kernel::System::DynamicField');
my $Field  = $Fields->DynamicFieldGet( Name => $Name );

if ( %{ $Field // {} } ) {
    if ( $Field->{FieldType} ne 'Text' || $Field->{ObjectType} ne 'Ticket' ) {
        stop(     "dynamic field $Name is there already, but as a $Field->{FieldType} field of $Field->{ObjectType};"
                . ' a Text field of Ticket is needed: choose another --name' );
    }
    if ( $Field->{ValidID} == 1 ) {
        print "dynamic field $Name is there already: nothing to do\n";
        exit 0;
    }
    $Fields->DynamicFieldUpdate( %{$Field}, ValidID => 1, UserID => 1 )
        or stop("dynamic field $Name is there, but not valid, and cannot be changed: see OTRS's log");
    print "dynamic field $Name was there, but not valid: it is valid now\n";
    exit 0;
}

my $FieldID = $Fields->DynamicFieldAdd(
    Name       => $Name,
    Label      => 'Asterisk call',
    FieldOrder => 1 + scalar @{ $Fields->DynamicFieldList( Valid => 0 ) },
    FieldType  => 'Text',
    ObjectType => 'Ticket',
    Config     => { DefaultValue => '' },
    ValidID    => 1,
    UserID     => 1,
) or stop("dynamic field $Name cannot be added: see OTRS's log");
print "dynamic field $Name added (ID $FieldID)\n";
